trapspec scenario 1
# dirty upper half of X0
arch arm64
reg x0 0xdeadbeef80000000
code 020000d4
