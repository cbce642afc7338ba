trapspec scenario 1
# CPUID with 66 before it
reg rax 0x2
code 660fa2f4
