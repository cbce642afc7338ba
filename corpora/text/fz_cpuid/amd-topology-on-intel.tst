trapspec scenario 1
# an AMD leaf in an Intel guest's policy means nothing: it answers what it holds
apic_id 0x3
reg rax 0x80000026
leaf 0x80000026 - eax=0x83f89e31 ebx=0x3a5816e8 ecx=0xb716cf15 edx=0x98d3a4b9
code 0fa2f4
