trapspec scenario 1
# vmmcall in prot16 code
mode prot16
code 0f01d9
