trapspec scenario 1
# the foreign instruction with RF set: a breakpoint there must not trap twice
flags 0x10000
reg rax 0x1
code 0f01d9f4
