trapspec scenario 1
# OSXSAVE and OSPKE follow CR4
cpu wp pke osxsave
xcr0 0x7
reg rax 0x1
code 0fa2b80700000031c90fa2f4
