trapspec scenario 1
# 32-bit SYSTEM_SUSPEND with upper halves that are nobody's business
arch arm64
config sys-suspend
reg x0 0x8400000e
reg x1 0x1111111140003000
reg x2 0x2222222200000002
reg x3 0x3333333300000003
code 020000d4
