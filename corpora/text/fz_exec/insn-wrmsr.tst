trapspec scenario 1
# wrmsr
reg rcx 0x10
code 0f300fa2f4
