trapspec scenario 1
# hypervisor block at another 0x100 step
hv_base 0x40000100
reg rax 0x40000100
code 0fa2f4
