trapspec scenario 2
arch arm64
reg x0 0x84000000
reg x30 0x40001800
# version; counter; exclusive load; version; exclusive store; its result is the next argument
code 020000d442e03bd5c37f5f880000b0d2020000d4c37f0488e10304aa0000b0d2020000d4
migrate 1
migrate 2
