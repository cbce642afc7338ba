trapspec scenario 1
# GETVERSION by the instruction that leaf 0x40000010 offers
persona vmware
level 3
reg rax 0x564d5868
reg rbx 0xffffffff
reg rcx 0x3000a
reg rdx 0
code 0f01c1e6f4f4
