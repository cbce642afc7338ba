trapspec scenario 1
# shift in prot16 code
mode prot16
code 48c1e005d3f8
