trapspec scenario 1
# CPUID faulting does not touch CPL 0
cpu wp faulting
config guest-faulting
reg rax 0x1
code 0fa2f4
