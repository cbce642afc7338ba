trapspec scenario 1
# the slot that is UD2
persona xen
mode prot32
reg rcx 0x40000000
reg rax 0x12000
code 0f30b8e0220100ffd0f4
