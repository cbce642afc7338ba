trapspec scenario 1
# SMAP with supervisor text
cpu wp smap super
pte PW- PWU
reg rax 0x1
code 0f01d9f4f4
