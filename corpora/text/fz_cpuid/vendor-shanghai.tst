trapspec scenario 1
# a vendor text with spaces on both sides
leaf 0x0 - eax=0xd ebx=0x68532020 ecx=0x20206961 edx=0x68676e61
reg rax 0xc0000000
code 0fa2f4
