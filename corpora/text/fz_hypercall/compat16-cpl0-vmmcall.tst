trapspec scenario 1
# vmmcall in compat16 at CPL 0: foreign on this host, so it is rewritten
mode compat16
reg rax 0x1
code 0f01d9f4f4
