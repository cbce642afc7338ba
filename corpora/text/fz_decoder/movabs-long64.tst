trapspec scenario 1
# movabs in long64 code
code 48b8efcdab8967452301
