trapspec scenario 1
# CPUID in long64 at CPL 0
reg rax 0x1
code 0fa2f4f4
