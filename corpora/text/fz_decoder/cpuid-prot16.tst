trapspec scenario 1
# cpuid in prot16 code
mode prot16
code 0fa2
