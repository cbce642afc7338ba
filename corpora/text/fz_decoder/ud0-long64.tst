trapspec scenario 1
# ud0 in long64 code
code 0fffc0
