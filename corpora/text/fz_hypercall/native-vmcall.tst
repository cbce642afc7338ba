trapspec scenario 1
# the native instruction with an unknown number
reg rax 0x1234
code 0f01c1f4
