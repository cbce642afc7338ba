trapspec scenario 1
# vendor services filtered away
arch arm64
fw_bitmap 0x1 0x1 0x0
reg x0 0x8600ff01
code 020000d4
