trapspec scenario 1
# HVC from EL0 is UNDEFINED
arch arm64
level 0
reg x0 0x80000000
code 020000d4
