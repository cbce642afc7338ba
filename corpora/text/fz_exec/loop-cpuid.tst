trapspec scenario 1
# CPUID in a loop of eight
code bf0800000031c031c90fa2ffcf75f6f4
