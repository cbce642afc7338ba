trapspec scenario 1
# branch to itself
arch arm64
code 00000014
