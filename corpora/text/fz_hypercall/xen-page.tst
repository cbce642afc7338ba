trapspec scenario 1
# the hypercall page, and a call through its slot
persona xen
mode prot32
reg rcx 0x40000000
reg rax 0x12000
reg rbx 0x0
code 0f30b820220100ffd0f4
