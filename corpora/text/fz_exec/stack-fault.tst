trapspec scenario 1
# push with a stack in no memory
reg rsp 0x8
code 50f4
