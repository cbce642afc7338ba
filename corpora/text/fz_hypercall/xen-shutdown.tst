trapspec scenario 1
# the domain ends
persona xen
reg rax 0x1d
reg rdi 0x2
reg rsi 0x12000
code 0f01c1f4
