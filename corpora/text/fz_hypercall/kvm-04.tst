trapspec scenario 1
# KVM call 4: PPC_MAP_MAGIC_PAGE, not on x86
reg rax 0x4
code 0f01c1f4
