trapspec scenario 1
# HVC #0 with function id 0xbf000000
arch arm64
reg x0 0xbf000000
code 020000d4
