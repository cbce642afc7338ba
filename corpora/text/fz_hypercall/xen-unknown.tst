trapspec scenario 1
# nobody's number
persona xen
reg rax 0x100000011
code 0f01c1f4
