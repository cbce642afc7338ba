trapspec scenario 1
# sib in long64 code
code 488b848d78563412
