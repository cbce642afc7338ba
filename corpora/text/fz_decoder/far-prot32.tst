trapspec scenario 1
# far in prot32 code
mode prot32
code 9a785634121000
