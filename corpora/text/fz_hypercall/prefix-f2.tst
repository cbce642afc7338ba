trapspec scenario 1
# prefix f2 before a foreign hypercall
reg rax 0x1
code f20f01d9f800f4f4f4
