trapspec scenario 1
# vmcall in compat32 at CPL 3: foreign on this host, so it is rewritten
mode compat32
level 3
host amd
policy amd
reg rax 0x1
code 0f01c1e6f4f4f4
