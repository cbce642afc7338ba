trapspec scenario 1
# HVC #0 with function id 0x80003fff
arch arm64
reg x0 0x80003fff
code 020000d4
