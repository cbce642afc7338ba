trapspec scenario 1
# int80 at CPL 3
level 3
reg rcx 0x10
code cd80e6f4f4
