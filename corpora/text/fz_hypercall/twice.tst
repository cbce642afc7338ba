trapspec scenario 1
# the second of two calls at different places
reg rax 0x1
code 0f01d9b8010000000f01d9f4
