trapspec scenario 1
# sib in prot32 code
mode prot32
code 488b848d78563412
