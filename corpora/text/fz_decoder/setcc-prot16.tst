trapspec scenario 1
# setcc in prot16 code
mode prot16
code 0f94c00f44c1
