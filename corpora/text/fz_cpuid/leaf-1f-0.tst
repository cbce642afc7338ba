trapspec scenario 1
# V2 topology
reg rax 0x1f
reg rcx 0x0
code 0fa2f4
