trapspec scenario 1
# ud1 in long64 code
code 0fb9c0
