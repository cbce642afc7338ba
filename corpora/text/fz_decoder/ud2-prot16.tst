trapspec scenario 1
# ud2 in prot16 code
mode prot16
code 0f0b
