trapspec scenario 1
# capabilities into memory
persona xen
reg rax 0x11
reg rdi 0x3
reg rsi 0x12000
code 0f01c1f4
