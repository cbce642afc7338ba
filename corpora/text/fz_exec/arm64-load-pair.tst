trapspec scenario 1
# LDP outside RAM says nothing in its syndrome: KVM leaves it to user space as an error
arch arm64
reg x1 0xa000000
code 200840a9
