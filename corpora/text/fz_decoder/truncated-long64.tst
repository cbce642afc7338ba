trapspec scenario 1
# truncated in long64 code
code 0f01
