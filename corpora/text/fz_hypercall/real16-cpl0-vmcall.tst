trapspec scenario 1
# vmcall in real16 at CPL 0: foreign on this host, so it is rewritten
mode real16
host amd
policy amd
reg rax 0x1
code 0f01c1f4f4
