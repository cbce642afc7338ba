trapspec scenario 4
persona hyperv
nvcpu 2
config irqchip apic-on
msr 0x40000000 0x8100000000000001
leaf 0x40000003 - eax=0xffffffff ebx=0xffffffff ecx=0x0 edx=0xffffffff
reg rcx 0x1000b
reg rdx 0x41
reg r8 0x3
flags 0x200
code 0f01c10fa2f4
code1 90900fa2f4
sched 00010001000100010001
