trapspec scenario 1
# KVM call 10: SEND_IPI
config irqchip apic-on
reg rax 0xa
reg rbx 0x1
reg rsi 0xfd
code 0f01c1e6f4f4
