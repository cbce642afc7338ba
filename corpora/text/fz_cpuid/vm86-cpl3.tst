trapspec scenario 1
# CPUID in vm86 at CPL 3
mode vm86
reg rax 0x1
code 0fa2e6f4f4f4
