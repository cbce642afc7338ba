trapspec scenario 1
# HVC #0xea1, number in X16
arch arm64
persona xen
reg x16 0x11
code 22d401d4
