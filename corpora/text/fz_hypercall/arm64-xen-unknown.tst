trapspec scenario 1
# nobody's number
arch arm64
persona xen
reg x16 0x3f
code 22d401d4
