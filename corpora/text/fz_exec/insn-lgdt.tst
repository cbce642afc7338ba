trapspec scenario 1
# lgdt
reg rcx 0x10
code 0f01170fa2f4
