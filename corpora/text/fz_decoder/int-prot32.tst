trapspec scenario 1
# int in prot32 code
mode prot32
code cd80
