trapspec scenario 1
# rep-movs
reg rcx 0x10
code f3a40fa2f4
