trapspec scenario 1
# self-store
reg rdi 0x10000
code c607050fa2f4
