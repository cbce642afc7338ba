trapspec scenario 1
# int in prot16 code
mode prot16
code cd80
