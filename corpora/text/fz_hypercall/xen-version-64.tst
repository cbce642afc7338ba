trapspec scenario 1
# xen_version: number and command in 64-bit code
persona xen
reg rax 0x11
code 0f01c1f4
