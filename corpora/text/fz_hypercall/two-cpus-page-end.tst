trapspec scenario 1
# two vCPUs, the instruction crosses a page
nvcpu 2
code_at 0x10ffe
reg rax 0x1
code 0f01d9f4
sched 0001000101010000010100
