trapspec scenario 1
# vmcall in prot32 code
mode prot32
code 0f01c1
