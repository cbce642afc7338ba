trapspec scenario 1
# int80
reg rcx 0x10
code cd800fa2f4
