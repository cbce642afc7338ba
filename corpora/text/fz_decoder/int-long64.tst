trapspec scenario 1
# int in long64 code
code cd80
