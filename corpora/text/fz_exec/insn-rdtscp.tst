trapspec scenario 1
# rdtscp
reg rcx 0x10
code 0f01f90fa2f4
