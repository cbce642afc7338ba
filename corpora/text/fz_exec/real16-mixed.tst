trapspec scenario 1
# CPUID, then both hypercall instructions, in real16 at CPL 0
mode real16
reg rax 0x1
code 0fa20f01c10f01d9f4f4
