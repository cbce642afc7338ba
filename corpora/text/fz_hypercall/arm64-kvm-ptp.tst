trapspec scenario 1
# HVC #0 with function id 0x86000001
arch arm64
reg x0 0x86000001
reg x1 0x0
code 020000d4
