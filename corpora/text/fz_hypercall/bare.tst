trapspec scenario 1
# a hypercall instruction where nobody offers an interface
persona none
reg rax 0x1
code 0f01c1f4
