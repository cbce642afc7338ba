trapspec scenario 1
# in-out in prot32 code
mode prot32
code e460e6f4edef
