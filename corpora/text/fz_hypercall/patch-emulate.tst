trapspec scenario 1
# foreign instruction, emulate instead of rewriting
patch emulate
reg rax 0x1
code 0f01d9f4
