trapspec scenario 1
# fourteen in prot32 code
mode prot32
code 66666666666666666666666666660fa2
