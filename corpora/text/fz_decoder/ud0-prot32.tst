trapspec scenario 1
# ud0 in prot32 code
mode prot32
code 0fffc0
