trapspec scenario 1
# CPUID in prot32 at CPL 3
mode prot32
level 3
reg rax 0x1
code 0fa2e6f4f4f4
