trapspec scenario 1
# page-crossing text, prefix shifts the patch, second page read-only
pte PWU P-U
code_at 0x10ffe
reg rax 0x1
code 660f01d9f4f4
