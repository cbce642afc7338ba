trapspec scenario 1
# A Hyper-V block in the policy, but no KVM below: KVM's invariant-TSC control is not offered.
nvcpu 2
persona none hyperv
patch emulate
policy none
mode real16
pte PWU P-U
reg rax 0x80000007
reg rsi 0xbf765db900000000
reg rdi 0x80000002
msr 0x4b564d00 0x10f4d900
leaf 0x80000006 0x40 eax=0x0 ebx=0x350818a ecx=0x93546b92 edx=0xe47272cb
leaf 0x40000000 - eax=0x40000005 ebx=0x7263694d ecx=0x666f736f edx=0x76482074
leaf 0x40000001 - eax=0x31237648 ebx=0x0 ecx=0x0 edx=0x0
leaf 0x40000003 - eax=0x8000 ebx=0x0 ecx=0x0 edx=0x0
leaf 0x80000007 - eax=0x0 ebx=0x0 ecx=0x0 edx=0x100
code 1f
code1 ff00000000000000000000080908000000000000000008090100000000b2e76d
code1 f70b070f01daf33c0fa2ff000000000000000000000809080000000000000000
code1 08090100000000b2e76df70b070f01daf33c0fa2
