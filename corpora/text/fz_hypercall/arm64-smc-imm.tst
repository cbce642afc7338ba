trapspec scenario 1
# SMC #1
arch arm64
reg x0 0x84000000
code 230000d4
