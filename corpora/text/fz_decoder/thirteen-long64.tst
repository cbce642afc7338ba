trapspec scenario 1
# thirteen in long64 code
code 666666666666666666666666660fa2
