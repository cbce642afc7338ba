trapspec scenario 1
# plain
arch arm64
code e0031faa2100018b000040f9
