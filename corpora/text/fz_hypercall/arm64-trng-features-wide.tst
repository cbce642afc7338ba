trapspec scenario 1
# TRNG_FEATURES asks by W1
arch arm64
reg x0 0x84000051
reg x1 0x100000084000053
code 020000d4
