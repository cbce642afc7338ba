trapspec scenario 1
# KVM call 2: MMU_OP, deprecated
reg rax 0x2
code 0f01c1f4
