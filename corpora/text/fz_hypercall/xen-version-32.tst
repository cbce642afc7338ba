trapspec scenario 1
# the same of 32-bit code, with dirt above
persona xen
mode prot32
reg rax 0xdeadbeef00000011
reg rbx 0xdeadbeef00000000
code 0f01c1f4
