trapspec scenario 1
# HVC #0 with function id 0x80008000
arch arm64
reg x0 0x80008000
code 020000d4
