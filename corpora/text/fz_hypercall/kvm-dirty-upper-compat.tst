trapspec scenario 1
# 32-bit caller, dirty upper halves
mode compat32
reg rax 0xdeadbeef00000001
reg rbx 0xffffffff00000000
code 0f01c1f4
