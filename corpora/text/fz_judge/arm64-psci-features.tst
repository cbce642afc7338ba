trapspec scenario 1
# HVC #0 with function id 0x8400000a
arch arm64
reg x0 0x8400000a
reg x1 0x84000000
code 020000d4
