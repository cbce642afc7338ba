trapspec scenario 1
# CPUID across a page end
code_at 0x10fff
reg rax 0x2
code 0fa2f4
