trapspec scenario 1
# cpuid in prot32 code
mode prot32
code 0fa2
