trapspec scenario 1
# vmcall in prot16 code
mode prot16
code 0f01c1
