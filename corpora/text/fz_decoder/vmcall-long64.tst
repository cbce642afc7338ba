trapspec scenario 1
# vmcall in long64 code
code 0f01c1
