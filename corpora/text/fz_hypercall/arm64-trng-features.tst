trapspec scenario 1
# HVC #0 with function id 0x84000051
arch arm64
reg x0 0x84000051
reg x1 0x84000053
code 020000d4
