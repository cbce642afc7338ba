trapspec scenario 1
# f2-cpuid in prot16 code
mode prot16
code f20fa2
