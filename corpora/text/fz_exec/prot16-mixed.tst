trapspec scenario 1
# CPUID, then both hypercall instructions, in prot16 at CPL 3
mode prot16
level 3
reg rax 0x1
code 0fa20f01c10f01d9e6f4f4f4
