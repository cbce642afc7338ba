trapspec scenario 1
# f3-vmmcall in prot16 code
mode prot16
code f30f01d9
