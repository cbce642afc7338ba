trapspec scenario 1
# in-out in prot16 code
mode prot16
code e460e6f4edef
