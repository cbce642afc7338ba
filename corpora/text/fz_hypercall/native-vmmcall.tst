trapspec scenario 1
# the native instruction of the other vendor
host amd
policy amd
reg rax 0x1
code 0f01d9f4
