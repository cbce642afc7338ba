trapspec scenario 4
persona hyperv
config irqchip apic-on
msr 0x40000000 0x8100000000000001
leaf 0x40000003 - eax=0xffffffff ebx=0xffffffff ecx=0x0 edx=0xffffffff
reg rcx 0x140013
reg rdx 0x0
reg r8 0x0
xmm 0 0x0 0x3ff
flags 0x200
code 0f01c1b9b0000040b80100020031d20f300f32f4
