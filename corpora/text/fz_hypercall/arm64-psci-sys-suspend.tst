trapspec scenario 1
# HVC #0 with function id 0xc400000e
arch arm64
config sys-suspend
reg x0 0xc400000e
reg x1 0x40003000
code 020000d4
