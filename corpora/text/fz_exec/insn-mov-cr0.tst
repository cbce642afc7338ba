trapspec scenario 1
# mov-cr0
reg rcx 0x10
code 0f20c00fa2f4
