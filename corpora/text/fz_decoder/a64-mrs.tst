trapspec scenario 1
# mrs
arch arm64
code 000038d5
