trapspec scenario 1
# hypervisor block at another 0x100 step
hv_base 0x40000200
reg rax 0x40000200
code 0fa2f4
