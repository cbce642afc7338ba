trapspec scenario 1
# branch
arch arm64
code 0000001440000054
