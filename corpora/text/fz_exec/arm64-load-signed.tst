trapspec scenario 1
# LDRSB outside RAM: KVM extends the sign and cuts it off again
arch arm64
reg x1 0xa000000
code 20008039
