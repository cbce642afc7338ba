trapspec scenario 1
# vmmcall in long64 code
code 0f01d9
