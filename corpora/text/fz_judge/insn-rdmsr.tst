trapspec scenario 1
# rdmsr
reg rcx 0x10
code 0f320fa2f4
