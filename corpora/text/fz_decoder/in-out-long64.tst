trapspec scenario 1
# in-out in long64 code
code e460e6f4edef
