trapspec scenario 1
# feature bits are enforced and absent
config enforce-pv
leaf 0x40000000 - eax=0x40000001 ebx=0x4b4d564b ecx=0x564b4d56 edx=0x4d
leaf 0x40000001 - eax=0 ebx=0 ecx=0 edx=0
reg rax 0x5
code 0f01c1f4
