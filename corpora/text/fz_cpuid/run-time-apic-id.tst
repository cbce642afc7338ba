trapspec scenario 1
# x2APIC id of another processor
apic_id 0x105
reg rax 0xb
code 0fa2f4
