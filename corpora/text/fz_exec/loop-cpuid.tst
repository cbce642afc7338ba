trapspec scenario 1
# CPUID in a loop
reg rcx 0x8
code 89cb31c0b8000000000fa289d9ffcb75f4f4
