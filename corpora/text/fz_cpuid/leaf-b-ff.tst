trapspec scenario 1
# topology beyond the last level
reg rax 0xb
reg rcx 0xff
code 0fa2f4
