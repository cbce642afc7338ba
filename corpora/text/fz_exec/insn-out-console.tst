trapspec scenario 1
# out-console
reg rcx 0x10
code e6e90fa2f4
