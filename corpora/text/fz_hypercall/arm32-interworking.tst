trapspec scenario 6
# add r4, pc, #1; bx r4; (T32) hvc #0; svc #0
arch arm64
mode a32
reg r0 0x84000000
code 01408fe2 14ff2fe1 e0f70080 00df
