trapspec scenario 1
# shift in long64 code
code 48c1e005d3f8
