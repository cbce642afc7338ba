trapspec scenario 4
arch arm64
psci 1.3
nvcpu 2
cpu second-off
reg x0 0xc4000003
reg x1 0x1
reg x2 0x40004000
reg x3 0x5
code 020000d4
code1 020000d4
sched 0001000100010001
