trapspec scenario 1
# foreign hypercall, two bytes on the next page
code_at 0x10fff
reg rax 0x1
code 0f01d9f4f4
