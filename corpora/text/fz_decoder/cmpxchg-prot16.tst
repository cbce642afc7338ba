trapspec scenario 1
# cmpxchg in prot16 code
mode prot16
code f00fb10b
