trapspec scenario 1
# iret
reg rcx 0x10
code cf0fa2f4
