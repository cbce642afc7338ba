trapspec scenario 6
# CPU_ON with bit 0 of the entry point set: the second core begins in T32, at an even address
arch arm64
nvcpu 2
mode a32
cpu second-off
reg r0 0x84000003
reg r1 0x1
reg r2 0x40004001
reg r3 0x84000000
code 700040e1
code1 e0f70080 30bf fee7
sched 00 01 01 01
