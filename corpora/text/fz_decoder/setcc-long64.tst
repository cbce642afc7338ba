trapspec scenario 1
# setcc in long64 code
code 0f94c00f44c1
