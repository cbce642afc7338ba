trapspec scenario 1
# the other vendor's instruction is undefined
persona xen
host amd
reg rax 0x11
code 0f01c1f4
