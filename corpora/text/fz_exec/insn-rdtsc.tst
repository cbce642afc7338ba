trapspec scenario 1
# rdtsc
reg rcx 0x10
code 0f310fa2f4
