trapspec scenario 1
# rip in prot32 code
mode prot32
code 488d0578563412
