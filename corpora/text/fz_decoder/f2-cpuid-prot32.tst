trapspec scenario 1
# f2-cpuid in prot32 code
mode prot32
code f20fa2
