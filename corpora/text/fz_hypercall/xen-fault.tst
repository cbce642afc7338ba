trapspec scenario 1
# a buffer where nothing is mapped
persona xen
reg rax 0x11
reg rdi 0x3
reg rsi 0x50000
code 0f01c1f4
