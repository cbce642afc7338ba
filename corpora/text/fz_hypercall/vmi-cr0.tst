trapspec scenario 1
# where is GetCR0, and what does it say
persona vmi
mode prot32
code e87b800b00b813000000e879800b0089c7b800000000b900000000ffd7f4
