trapspec scenario 1
# leaf 0xd sizes with AVX
xcr0 0x7
reg rax 0xd
code 0fa2f4
