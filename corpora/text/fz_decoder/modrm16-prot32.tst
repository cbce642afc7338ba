trapspec scenario 1
# modrm16 in prot32 code
mode prot32
code 678b8678568b4610
