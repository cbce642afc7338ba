trapspec scenario 1
# hvc
arch arm64
code 020000d4
