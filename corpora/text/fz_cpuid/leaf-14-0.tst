trapspec scenario 1
# trace
reg rax 0x14
reg rcx 0x0
code 0fa2f4
