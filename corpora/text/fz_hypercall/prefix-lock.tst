trapspec scenario 1
# prefix f0 before a foreign hypercall
reg rax 0x1
code f00f01d9f800f4f4f4
