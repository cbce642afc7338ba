trapspec scenario 1
# 64-bit caller, number with a dirty upper half
reg rax 0xdeadbeef00000001
code 0f01c1f4
