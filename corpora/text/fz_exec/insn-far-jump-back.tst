trapspec scenario 1
# far-jump-back
reg rcx 0x10
code ebfe0fa2f4
