trapspec scenario 1
# CPUID ends at 4 GiB
mode compat32
code_at 0xfffffffe
reg rax 0x2
code 0fa2f4f4
