trapspec scenario 1
# no IDT: on AMD KVM resets a vCPU that shuts down by INIT before user space sees it, and RDX is leaf 1's
host amd
reg rdi 0x12000
code 0f011f0f0bf4
