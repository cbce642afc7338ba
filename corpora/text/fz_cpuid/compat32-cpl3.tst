trapspec scenario 1
# CPUID in compat32 at CPL 3
mode compat32
level 3
reg rax 0x1
code 0fa2e6f4f4f4
