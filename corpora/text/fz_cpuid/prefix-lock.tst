trapspec scenario 1
# CPUID with lock before it
reg rax 0x2
code f00fa2f4
