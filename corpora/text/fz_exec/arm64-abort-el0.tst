trapspec scenario 1
# the same by a load at EL0
arch arm64
level 0
reg x1 0x10000000000
code 200040f9
