trapspec scenario 1
# prefix 2e before a foreign hypercall
reg rax 0x1
code 2e0f01d9f800f4f4f4
