trapspec scenario 1
# fourteen in prot16 code
mode prot16
code 66666666666666666666666666660fa2
