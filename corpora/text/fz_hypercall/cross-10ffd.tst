trapspec scenario 1
# foreign hypercall, ends with the page
code_at 0x10ffd
reg rax 0x1
code 0f01d9f4f4
