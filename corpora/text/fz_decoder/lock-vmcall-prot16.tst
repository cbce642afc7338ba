trapspec scenario 1
# lock-vmcall in prot16 code
mode prot16
code f00f01c1
