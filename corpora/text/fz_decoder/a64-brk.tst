trapspec scenario 1
# brk
arch arm64
code 000020d4
