trapspec scenario 1
# CPUID in prot32 at CPL 0
mode prot32
reg rax 0x1
code 0fa2f4f4
