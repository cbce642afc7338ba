trapspec scenario 1
# Halt
persona vmi
mode prot32
code e87b800b00b823000000e879800b0089c7b800000000b900000000ffd7f4
