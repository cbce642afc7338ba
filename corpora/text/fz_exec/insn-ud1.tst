trapspec scenario 1
# ud1
reg rcx 0x10
code 0fb9c00fa2f4
