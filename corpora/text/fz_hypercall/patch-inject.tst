trapspec scenario 1
# foreign instruction, inject instead of rewriting
patch inject
reg rax 0x1
code 0f01d9f4
