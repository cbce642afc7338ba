trapspec scenario 1
# HVC #0 with function id 0xc4000003
arch arm64
reg x0 0xc4000003
reg x1 0x0
reg x2 0x40003000
code 020000d4
