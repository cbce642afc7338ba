trapspec scenario 1
# topology: level and x2APIC id
reg rax 0xb
reg rcx 0x1
code 0fa2f4
