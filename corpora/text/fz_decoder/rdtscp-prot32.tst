trapspec scenario 1
# rdtscp in prot32 code
mode prot32
code 0f01f9
