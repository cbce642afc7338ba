trapspec scenario 1
# ARCH_FEATURES asked for itself
arch arm64
reg x0 0x80000001
reg x1 0x80000001
code 020000d4
