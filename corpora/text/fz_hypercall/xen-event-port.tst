trapspec scenario 1
# an event channel that nobody has
persona xen
reg rax 0x20
reg rdi 0x4
reg rsi 0x12000
code 0f01c1f4
