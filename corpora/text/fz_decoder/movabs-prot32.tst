trapspec scenario 1
# movabs in prot32 code
mode prot32
code 48b8efcdab8967452301
