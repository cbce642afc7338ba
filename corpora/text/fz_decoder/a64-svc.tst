trapspec scenario 1
# svc
arch arm64
code 010000d4
