trapspec scenario 1
# any other immediate is undefined
arch arm64
persona xen
reg x16 0x11
code 42d401d4
