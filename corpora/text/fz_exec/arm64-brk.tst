trapspec scenario 1
# BRK
arch arm64
code 000020d4
