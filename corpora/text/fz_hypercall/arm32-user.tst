trapspec scenario 6
# HVC is undefined in User mode
arch arm64
mode t32
level 0
reg r0 0x84000000
code e0f70080
