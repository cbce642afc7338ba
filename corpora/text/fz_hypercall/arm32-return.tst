trapspec scenario 6
# an exception and the way back: cps to Undefined mode, movs pc, lr to T32 code
arch arm64
mode a32
reg r0 0x84000000
reg lr_und 0x40001014
code 1b0002f1 f30300e3 00f06fe1 0ef0b0e1 0000a0e1 e0f70080 00df
