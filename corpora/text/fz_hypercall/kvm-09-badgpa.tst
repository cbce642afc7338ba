trapspec scenario 1
# CLOCK_PAIRING to an address without memory
config host-tsc
reg rax 0x9
reg rbx 0xfffffffff000
code 0f01c1f4
