trapspec scenario 1
# single step over a native hypercall
flags 0x100
reg rax 0x1
code 0f01c1f4
