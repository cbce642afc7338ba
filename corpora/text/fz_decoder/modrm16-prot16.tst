trapspec scenario 1
# modrm16 in prot16 code
mode prot16
code 678b8678568b4610
