trapspec scenario 1
# AVX component
reg rax 0xd
reg rcx 0x2
code 0fa2f4
