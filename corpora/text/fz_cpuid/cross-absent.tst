trapspec scenario 1
# CPUID runs into a page that is not there
code_at 0x10fff
pte PWU ---
reg rax 0x2
code 0fa2f4
