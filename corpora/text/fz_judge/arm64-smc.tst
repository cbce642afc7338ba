trapspec scenario 1
# SMC #0
arch arm64
reg x0 0x80000000
code 030000d4
