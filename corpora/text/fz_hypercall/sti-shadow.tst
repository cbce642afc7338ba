trapspec scenario 1
# hypercall in the shadow of STI
reg rax 0x1
code fb0f01d9f4
