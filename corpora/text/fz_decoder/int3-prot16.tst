trapspec scenario 1
# int3 in prot16 code
mode prot16
code cc
