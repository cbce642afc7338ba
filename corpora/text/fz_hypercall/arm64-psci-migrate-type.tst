trapspec scenario 1
# HVC #0 with function id 0x84000006
arch arm64
reg x0 0x84000006
code 020000d4
