trapspec scenario 1
# XSAVE sizes
reg rax 0xd
reg rcx 0x0
code 0fa2f4
