trapspec scenario 1
# the APIC bit follows its base register
cpu wp apic-off
reg rax 0x1
code 0fa2f4
