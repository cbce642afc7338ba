trapspec scenario 1
# HLT without exits, but the block at the base is not KVM's: nothing to hide there
config irqchip hlt-noexit guest-faulting
reg rax 0x40000001
leaf 0x40000000 - eax=0x40000005 ebx=0x7263694d ecx=0x666f736f edx=0x76482074
code 4f0fa2f4
