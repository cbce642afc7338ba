trapspec scenario 6
# the other way round: a T32 guest starts a core in A32
arch arm64
nvcpu 2
mode t32
cpu second-off
reg r0 0x84000003
reg r1 0x1
reg r2 0x40004000
reg r3 0x84000000
code e0f70080
code1 700040e1 03f020e3 feffffea
sched 00 01 01 01
