trapspec scenario 1
# fourteen in long64 code
code 66666666666666666666666666660fa2
