trapspec scenario 1
# prefix 67 before a foreign hypercall
reg rax 0x1
code 670f01d9f800f4f4f4
