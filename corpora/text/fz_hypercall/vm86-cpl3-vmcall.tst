trapspec scenario 1
# vmcall in vm86 at CPL 3: foreign on this host, so it is rewritten
mode vm86
host amd
policy amd
reg rax 0x1
code 0f01c1e6f4f4f4
