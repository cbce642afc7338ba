trapspec scenario 1
# HVC #0 with function id 0xb0000000
arch arm64
reg x0 0xb0000000
code 020000d4
