trapspec scenario 1
# in
reg rcx 0x10
code e4600fa2f4
