trapspec scenario 1
# vmmcall in prot16 at CPL 0: foreign on this host, so it is rewritten
mode prot16
reg rax 0x1
code 0f01d9f4f4
