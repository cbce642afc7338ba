trapspec scenario 1
# int3
reg rcx 0x10
code cc0fa2f4
