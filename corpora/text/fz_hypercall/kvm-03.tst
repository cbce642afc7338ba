trapspec scenario 1
# KVM call 3: FEATURES, not on x86
reg rax 0x3
code 0f01c1f4
