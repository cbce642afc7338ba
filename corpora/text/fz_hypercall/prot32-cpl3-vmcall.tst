trapspec scenario 1
# vmcall in prot32 at CPL 3: foreign on this host, so it is rewritten
mode prot32
level 3
host amd
policy amd
reg rax 0x1
code 0f01c1e6f4f4f4
