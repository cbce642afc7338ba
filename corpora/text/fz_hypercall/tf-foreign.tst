trapspec scenario 1
# single step meets a rewrite
flags 0x100
reg rax 0x1
code 0f01d9f4
