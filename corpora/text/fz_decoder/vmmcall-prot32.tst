trapspec scenario 1
# vmmcall in prot32 code
mode prot32
code 0f01d9
