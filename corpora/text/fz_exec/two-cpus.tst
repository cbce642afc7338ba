trapspec scenario 1
# two vCPUs, one rewriting, one running the same bytes
nvcpu 2
reg rax 0x1
code 0f01d9b8010000000f01d9f4
sched 0001000100010001
