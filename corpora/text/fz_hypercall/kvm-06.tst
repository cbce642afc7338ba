trapspec scenario 1
# KVM call 6: MIPS call
reg rax 0x6
code 0f01c1f4
