trapspec scenario 1
# far in long64 code
code 9a785634121000
