trapspec scenario 1
# HVC and the end store
arch arm64
reg x0 0x80000000
code 020000d4
