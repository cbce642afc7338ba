trapspec scenario 1
# single step over CPUID
flags 0x100
reg rax 0x2
code 0fa2f4
