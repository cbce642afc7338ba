trapspec scenario 1
# a call before LGUEST_INIT kills the guest
persona lguest
mode prot32
level 1
reg rax 0x5
code cd1fe6f4f4
