trapspec scenario 1
# the other vendor's instruction
persona vmware
host amd
policy amd
reg rax 0x564d5868
reg rcx 0xa
code 0f01c1f4
