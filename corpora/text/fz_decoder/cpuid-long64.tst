trapspec scenario 1
# cpuid in long64 code
code 0fa2
