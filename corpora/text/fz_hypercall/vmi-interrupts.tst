trapspec scenario 1
# SetInterruptMask
persona vmi
mode prot32
host amd
code e87b800b00b820000000e879800b0089c7b800020000b900000000ffd7f4
