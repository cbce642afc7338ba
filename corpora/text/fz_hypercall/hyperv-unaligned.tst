trapspec scenario 1
# Hyper-V flush whose parameters do not begin at a multiple of 8
hv_base 0x40000100
msr 0x40000000 0x8100000000000001
leaf 0x40000000 - eax=0x40000005 ebx=0x7263694d ecx=0x666f736f edx=0x76482074
leaf 0x40000001 - eax=0x31237648 ebx=0x0 ecx=0x0 edx=0x0
reg rcx 0x2
reg rdx 0x12004
code 0f01c1f4
