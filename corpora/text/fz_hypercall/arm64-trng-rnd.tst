trapspec scenario 1
# HVC #0 with function id 0xc4000053
arch arm64
reg x0 0xc4000053
reg x1 0x40
code 020000d4
