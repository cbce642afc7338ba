trapspec scenario 1
# f3-vmmcall in long64 code
code f30f01d9
