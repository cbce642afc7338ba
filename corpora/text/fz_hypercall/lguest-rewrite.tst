trapspec scenario 1
# VMCALL becomes INT 0x1f and NOP
persona lguest
mode prot32
level 1
host amd
code 0f01c1e6f4f4
