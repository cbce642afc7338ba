trapspec scenario 1
# the native instruction in the ROM
persona vmi
mode prot32
code e87b800b00b800000000e879800b0089c7b801000000b900000000ffd7f4
