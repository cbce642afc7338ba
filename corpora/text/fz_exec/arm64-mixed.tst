trapspec scenario 1
# UID, features, version
arch arm64
reg x0 0x8600ff01
code 020000d40000b0d2020000d4e0031f2a020000d4
