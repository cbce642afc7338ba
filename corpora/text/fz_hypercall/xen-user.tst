trapspec scenario 1
# user code may call nothing
persona xen
level 3
reg rax 0x11
code 0f01c1e6f4f4
