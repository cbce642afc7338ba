trapspec scenario 1
# shift in prot32 code
mode prot32
code 48c1e005d3f8
