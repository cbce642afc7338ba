trapspec scenario 1
# int3 in prot32 code
mode prot32
code cc
