trapspec scenario 1
# hypervisor block at another 0x100 step
hv_base 0x4000ff00
reg rax 0x4000ff00
code 0fa2f4
