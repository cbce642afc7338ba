trapspec scenario 1
# f2-cpuid in long64 code
code f20fa2
