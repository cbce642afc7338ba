trapspec scenario 1
# The other vendor's instruction with a prefix: only the opcode may be rewritten.
host amd
policy amd
reg rax 0x1
code 660f01c1f4f4
