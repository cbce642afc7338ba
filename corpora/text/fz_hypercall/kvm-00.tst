trapspec scenario 1
# KVM call 0: number 0 is not assigned
reg rax 0x0
code 0f01c1f4
