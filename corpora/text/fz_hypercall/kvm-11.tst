trapspec scenario 1
# KVM call 11: SCHED_YIELD
reg rax 0xb
reg rbx 0x0
code 0f01c1f4
