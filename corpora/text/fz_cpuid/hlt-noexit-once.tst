trapspec scenario 1
# the same when user space sets the table once
config irqchip hlt-noexit
reg rax 0x40000001
code 0fa2e6f4f4
