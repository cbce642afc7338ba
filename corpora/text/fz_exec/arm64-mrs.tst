trapspec scenario 1
# an ID register
arch arm64
code 000038d5
