trapspec scenario 1
# CPUID with rexw before it
reg rax 0x2
code 480fa2f4
