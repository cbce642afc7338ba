trapspec scenario 1
# SYSCALL outside 64-bit mode
mode compat32
reg rax 0x80000001
code 0fa2f4
