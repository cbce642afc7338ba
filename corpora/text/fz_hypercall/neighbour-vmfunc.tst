trapspec scenario 1
# a neighbour in the opcode group is not a hypercall
code 0f01d4f4
