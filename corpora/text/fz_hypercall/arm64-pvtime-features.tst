trapspec scenario 1
# HVC #0 with function id 0xc5000020
arch arm64
config pvtime
reg x0 0xc5000020
reg x1 0xc5000021
code 020000d4
