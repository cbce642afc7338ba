trapspec scenario 1
# smc
arch arm64
code 230000d4
