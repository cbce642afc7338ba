trapspec scenario 1
# ud1 in prot32 code
mode prot32
code 0fb9c0
