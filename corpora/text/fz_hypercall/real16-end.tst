trapspec scenario 1
# the instruction ends at the segment limit
mode real16
code_at 0xfffd
reg rax 0x1
code 0f01d9f4f4
