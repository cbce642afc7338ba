trapspec scenario 1
# udf
arch arm64
code 00000000
