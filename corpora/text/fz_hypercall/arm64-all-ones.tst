trapspec scenario 1
# HVC #0 with function id 0xffffffff
arch arm64
reg x0 0xffffffff
code 020000d4
