trapspec scenario 1
# KVM call 9: CLOCK_PAIRING
reg rax 0x9
reg rbx 0x12000
code 0f01c1f4
