trapspec scenario 1
# a jump beyond 2^40
arch arm64
reg x1 0x10000000000
code 20001fd6
