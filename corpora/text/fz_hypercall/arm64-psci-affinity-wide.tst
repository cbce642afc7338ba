trapspec scenario 1
# AFFINITY_INFO: the level is 32 bits wide, in the 64-bit form too
arch arm64
reg x0 0xc4000004
reg x1 0x0
reg x2 0x100000000
code 020000d4
