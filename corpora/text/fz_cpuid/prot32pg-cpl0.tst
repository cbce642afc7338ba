trapspec scenario 1
# CPUID in prot32pg at CPL 0
mode prot32
paging on
reg rax 0x1
code 0fa2f4f4
