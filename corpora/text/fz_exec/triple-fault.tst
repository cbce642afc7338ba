trapspec scenario 1
# an IDT that is not there any more
reg rdi 0x12000
code 0f011f0f0bf4
