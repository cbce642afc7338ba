trapspec scenario 1
# real mode: 32 bits are read with the prefix
persona vmware
mode real16
reg rax 0x564d5868
reg rcx 0xa
reg rdx 0x5658
code 66edf4
