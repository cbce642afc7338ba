trapspec scenario 1
# f3-vmmcall in prot32 code
mode prot32
code f30f01d9
