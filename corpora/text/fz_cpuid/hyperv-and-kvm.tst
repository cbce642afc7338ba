trapspec scenario 1
# Hyper-V at the first block, KVM at the second
persona kvm hyperv
hv_base 0x40000100 0x40000000
leaf 0x40000000 - eax=0x40000082 ebx=0x756e694c ecx=0x564b2078 edx=0x7648204d
leaf 0x40000001 - eax=0x31237648 ebx=0 ecx=0 edx=0
reg rax 0x40000100
code 0fa2f4
