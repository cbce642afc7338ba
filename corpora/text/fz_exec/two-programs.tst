trapspec scenario 1
# two vCPUs with programs of their own
nvcpu 2
reg rax 0x1
code 0f01d9f4
code1 0fa2f4
sched 01010000
