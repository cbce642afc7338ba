trapspec scenario 1
# rip in long64 code
code 488d0578563412
