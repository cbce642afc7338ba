trapspec scenario 1
# out-console at CPL 3
level 3
reg rcx 0x10
code e6e9e6f4f4
