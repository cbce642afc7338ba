trapspec scenario 1
# structured features, sub-leaf 1
reg rax 0x7
reg rcx 0x1
code 0fa2f4
