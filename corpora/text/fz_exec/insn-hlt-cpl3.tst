trapspec scenario 1
# hlt at CPL 3
level 3
reg rcx 0x10
code f4e6f4f4
