trapspec scenario 1
# CPUID with f3 before it
reg rax 0x2
code f30fa2f4
