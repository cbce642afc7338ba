trapspec scenario 1
# SMAP: the patch is a supervisor store to a user page
cpu wp smap
reg rax 0x1
code 0f01d9f4f4
