trapspec scenario 1
# two vCPUs run into the same foreign instruction behind a prefix
nvcpu 2
reg rax 0x1
code 660f01d9f4
sched 000100010101000001
