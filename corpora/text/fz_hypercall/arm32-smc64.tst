trapspec scenario 6
# a function of the 64-bit convention is unknown to AArch32 callers
arch arm64
mode a32
reg r0 0xc4000003
reg r1 0x1
code 700040e1 700060e1
