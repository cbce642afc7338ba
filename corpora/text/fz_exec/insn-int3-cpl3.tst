trapspec scenario 1
# int3 at CPL 3
level 3
reg rcx 0x10
code cce6f4f4
