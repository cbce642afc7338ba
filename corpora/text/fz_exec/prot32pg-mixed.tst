trapspec scenario 1
# CPUID, then both hypercall instructions, in prot32pg at CPL 3
mode prot32
paging on
level 3
reg rax 0x1
code 0fa20f01c10f01d9e6f4f4f4
