trapspec scenario 1
# the instruction ends at 4 GiB
code_at 0xfffffffd
reg rax 0x1
code 0f01d9f4f4
