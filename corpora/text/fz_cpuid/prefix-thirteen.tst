trapspec scenario 1
# CPUID with thirteen before it
reg rax 0x2
code 666666666666666666666666660fa2f4
