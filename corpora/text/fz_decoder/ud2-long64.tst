trapspec scenario 1
# ud2 in long64 code
code 0f0b
