trapspec scenario 1
# CPUID in compat16 at CPL 0
mode compat16
reg rax 0x1
code 0fa2f4f4
