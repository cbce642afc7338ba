trapspec scenario 1
# truncated in prot16 code
mode prot16
code 0f01
