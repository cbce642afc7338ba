trapspec scenario 1
# real mode may call
persona xen
mode real16
host amd
reg rax 0x11
code 0f01d9f4
