trapspec scenario 1
# the same on AMD
persona vmware
host amd
policy amd
reg rax 0x564d5868
reg rcx 0xa
code 0f01d9f4
