trapspec scenario 1
# ud0 in prot16 code
mode prot16
code 0fffc0
