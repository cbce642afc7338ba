trapspec scenario 1
# ud1 in prot16 code
mode prot16
code 0fb9c0
