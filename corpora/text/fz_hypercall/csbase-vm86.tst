trapspec scenario 1
# CS base 0x10000 in vm86: the patch belongs at base + IP
mode vm86
cs_base 0x10000
reg rax 0x1
code 0f01d9e6f4f4
