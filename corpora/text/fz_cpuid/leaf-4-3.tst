trapspec scenario 1
# cache parameters
reg rax 0x4
reg rcx 0x3
code 0fa2f4
