trapspec scenario 1
# a store beyond 2^40: KVM's external abort has bits 63:32 of ESR_EL1 set
arch arm64
reg x1 0x10000000000
code 200000f9
