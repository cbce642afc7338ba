trapspec scenario 1
# PSCI 0.2 has no FEATURES
arch arm64
psci 0.2
reg x0 0x8400000a
reg x1 0x84000003
code 020000d4
