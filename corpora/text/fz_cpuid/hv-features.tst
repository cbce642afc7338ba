trapspec scenario 1
# reserved feature bits set
leaf 0x40000001 - eax=0x1007efb ebx=0 ecx=0 edx=0
reg rax 0x40000001
code 0fa2f4
