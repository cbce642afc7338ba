trapspec scenario 1
# LDXR, HVC, STXR: the return from the call has cleared the monitor
arch arm64
reg x30 0x40001800
code c37f5f88020000d4c37f0488
