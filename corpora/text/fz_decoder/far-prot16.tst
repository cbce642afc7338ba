trapspec scenario 1
# far in prot16 code
mode prot16
code 9a785634121000
