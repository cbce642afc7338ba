trapspec scenario 1
# ud2
reg rcx 0x10
code 0f0b0fa2f4
