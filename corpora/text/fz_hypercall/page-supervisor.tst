trapspec scenario 1
# page rights of the text under a rewrite: supervisor
pte PW- PW-
reg rax 0x1
code 0f01d9f4f4
