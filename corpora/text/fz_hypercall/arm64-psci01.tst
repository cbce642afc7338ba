trapspec scenario 1
# PSCI 0.1 function ids
arch arm64
psci 0.1
reg x0 0x95c1ba60
reg x1 0x1
code 020000d4
