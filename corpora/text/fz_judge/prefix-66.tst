trapspec scenario 1
# prefix 66 before a foreign hypercall
reg rax 0x1
code 660f01d9f800f4f4f4
