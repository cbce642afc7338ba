trapspec scenario 1
# KVM call 1: VAPIC_POLL_IRQ
reg rax 0x1
code 0f01c1f4
