trapspec scenario 1
# HVC #0 with function id 0x8600ff01
arch arm64
reg x0 0x8600ff01
code 020000d4
