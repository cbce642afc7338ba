trapspec scenario 1
# UDF
arch arm64
code 00000000
