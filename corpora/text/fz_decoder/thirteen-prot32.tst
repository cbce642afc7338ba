trapspec scenario 1
# thirteen in prot32 code
mode prot32
code 666666666666666666666666660fa2
