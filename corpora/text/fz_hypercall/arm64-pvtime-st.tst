trapspec scenario 1
# HVC #0 with function id 0xc5000021
arch arm64
config pvtime
reg x0 0xc5000021
code 020000d4
