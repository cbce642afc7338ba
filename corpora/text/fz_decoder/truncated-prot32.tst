trapspec scenario 1
# truncated in prot32 code
mode prot32
code 0f01
