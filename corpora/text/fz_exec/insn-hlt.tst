trapspec scenario 1
# hlt
reg rcx 0x10
code f40fa2f4
