trapspec scenario 1
# thirteen in prot16 code
mode prot16
code 666666666666666666666666660fa2
