trapspec scenario 1
# KVM call 13: first number after the last
reg rax 0xd
code 0f01c1f4
