trapspec scenario 1
# lock-vmcall in prot32 code
mode prot32
code f00f01c1
