trapspec scenario 1
# rdtscp in long64 code
code 0f01f9
