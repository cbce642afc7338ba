trapspec scenario 1
# movabs in prot16 code
mode prot16
code 48b8efcdab8967452301
