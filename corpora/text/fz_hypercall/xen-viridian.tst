trapspec scenario 1
# beside Hyper-V's leaves bit 31 tells whose call it is
persona xen hyperv
hv_base 0x40000100 0x40000000
leaf 0x40000000 - eax=0x40000006 ebx=0x7263694d ecx=0x666f736f edx=0x76482074
leaf 0x40000001 - eax=0x31237648 ebx=0x0 ecx=0x0 edx=0x0
reg rax 0x80000000
reg rcx 0x8
code 0f01c1f4
