trapspec scenario 1
# highest leaf of the hypervisor block is wrong
leaf 0x40000000 - eax=0 ebx=0x4b4d564b ecx=0x564b4d56 edx=0x4d
reg rax 0x40000000
code 0fa2f4
