trapspec scenario 1
# CS base 0x10000 in compat32: the patch belongs at base + IP
mode compat32
cs_base 0x10000
reg rax 0x1
code 0f01d9f4f4
