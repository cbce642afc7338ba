trapspec scenario 1
# rdmsr at CPL 3
level 3
reg rcx 0x10
code 0f32e6f4f4
