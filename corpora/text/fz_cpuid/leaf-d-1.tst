trapspec scenario 1
# XSAVE extensions
reg rax 0xd
reg rcx 0x1
code 0fa2f4
