trapspec scenario 1
# CPUID with fourteen before it
reg rax 0x2
code 66666666666666666666666666660fa2f4
