trapspec scenario 1
# prefix 48 before a foreign hypercall
reg rax 0x1
code 480f01d9f800f4f4f4
