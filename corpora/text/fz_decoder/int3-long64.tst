trapspec scenario 1
# int3 in long64 code
code cc
