trapspec scenario 1
# SVC from EL0
arch arm64
level 0
code 010000d4
