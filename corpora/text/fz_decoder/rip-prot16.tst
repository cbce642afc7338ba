trapspec scenario 1
# rip in prot16 code
mode prot16
code 488d0578563412
