trapspec scenario 1
# vmmcall in vm86 at CPL 3: foreign on this host, so it is rewritten
mode vm86
reg rax 0x1
code 0f01d9e6f4f4f4
