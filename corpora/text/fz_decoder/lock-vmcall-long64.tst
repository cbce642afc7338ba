trapspec scenario 1
# lock-vmcall in long64 code
code f00f01c1
