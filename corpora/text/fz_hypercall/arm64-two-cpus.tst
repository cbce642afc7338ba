trapspec scenario 1
# CPU_ON of a second processor that is off
arch arm64
nvcpu 2
cpu second-off
reg x0 0xc4000003
reg x1 0x1
reg x2 0x40003000
code 020000d4
sched 00
