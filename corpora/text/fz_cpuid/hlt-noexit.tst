trapspec scenario 1
# HLT without exits takes PV_UNHALT away
config irqchip hlt-noexit cpuid-twice
reg rax 0x40000001
code 0fa2e6f4f4
