trapspec scenario 1
# CPUID with f2 before it
reg rax 0x2
code f20fa2f4
