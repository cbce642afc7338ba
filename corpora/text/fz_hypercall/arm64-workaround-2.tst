trapspec scenario 1
# HVC #0 with function id 0x80007fff
arch arm64
reg x0 0x80007fff
code 020000d4
