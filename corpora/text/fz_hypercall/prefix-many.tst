trapspec scenario 1
# prefix 66662e before a foreign hypercall
reg rax 0x1
code 66662e0f01d9f800f4f4f4
