trapspec scenario 1
# cmpxchg in long64 code
code f00fb10b
