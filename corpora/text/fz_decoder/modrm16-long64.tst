trapspec scenario 1
# modrm16 in long64 code
code 678b8678568b4610
