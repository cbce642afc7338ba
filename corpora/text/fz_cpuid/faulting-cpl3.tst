trapspec scenario 1
# CPUID faulting at CPL 3
level 3
cpu wp faulting
config guest-faulting
reg rax 0x1
code 0fa2e6f4f4
