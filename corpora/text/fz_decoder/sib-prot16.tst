trapspec scenario 1
# sib in prot16 code
mode prot16
code 488b848d78563412
