trapspec scenario 1
# finds the hypervisor in 0x100 steps
hv_base 0x40000300
code bf0000004089f80fa281fb4b564d4b740881c700010000ebecf4
