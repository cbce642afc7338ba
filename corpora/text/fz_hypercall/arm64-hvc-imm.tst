trapspec scenario 1
# HVC #0xea1
arch arm64
reg x0 0x80000000
code 22d401d4
