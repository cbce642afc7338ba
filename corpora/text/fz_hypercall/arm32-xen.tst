trapspec scenario 6
# Xen's HVC #0xea1: the number is in R12
arch arm64
mode t32
persona xen
reg r12 0x11
code e0f7a18e
