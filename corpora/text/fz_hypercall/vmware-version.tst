trapspec scenario 1
# GETVERSION by the port, at user level
persona vmware
level 3
reg rax 0x564d5868
reg rbx 0xffffffff
reg rcx 0xa
reg rdx 0x5658
code ede6f4f4
