trapspec scenario 1
# Hyper-V interface switched on by the guest OS id
persona hyperv kvm
msr 0x40000000 0x8100000000000001
leaf 0x40000000 - eax=0x40000082 ebx=0x756e694c ecx=0x564b2078 edx=0x7648204d
leaf 0x40000001 - eax=0x31237648 ebx=0 ecx=0 edx=0
reg rax 0x1234
code 0f01c1f4
