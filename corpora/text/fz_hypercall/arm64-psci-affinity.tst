trapspec scenario 1
# HVC #0 with function id 0xc4000004
arch arm64
reg x0 0xc4000004
reg x1 0x0
code 020000d4
