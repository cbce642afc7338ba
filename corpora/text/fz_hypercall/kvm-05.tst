trapspec scenario 1
# KVM call 5: KICK_CPU
reg rax 0x5
reg rcx 0x0
code 0f01c1f4
