trapspec scenario 1
# setcc in prot32 code
mode prot32
code 0f94c00f44c1
