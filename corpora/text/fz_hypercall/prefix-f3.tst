trapspec scenario 1
# prefix f3 before a foreign hypercall
reg rax 0x1
code f30f01d9f800f4f4f4
