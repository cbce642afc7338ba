trapspec scenario 1
# cmpxchg in prot32 code
mode prot32
code f00fb10b
