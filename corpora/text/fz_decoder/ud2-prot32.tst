trapspec scenario 1
# ud2 in prot32 code
mode prot32
code 0f0b
