trapspec scenario 1
# SEND_IPI with the logical destination mode bit
config irqchip apic-on
reg rax 0xa
reg rbx 0x1
reg rsi 0x8fd
code 0f01c1e6f4f4
