trapspec scenario 1
# HVC #0 with function id 0x80000001
arch arm64
reg x0 0x80000001
reg x1 0x80008000
code 020000d4
