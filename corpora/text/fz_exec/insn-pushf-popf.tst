trapspec scenario 1
# pushf-popf
reg rcx 0x10
code 9c9d0fa2f4
