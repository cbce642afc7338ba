trapspec scenario 1
# rdtscp in prot16 code
mode prot16
code 0f01f9
