trapspec scenario 1
# page rights of the text under a rewrite: second-nx
pte PWU PWUX
code_at 0x10ffe
reg rax 0x1
code 0f01d9f4f4
