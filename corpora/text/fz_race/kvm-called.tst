trapspec scenario 1
protocol kvm@linux-6.1
nvcpu 2
code_at 0x10100
reg rax 0x1
code 660f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
sched 00000000000101
# RACE-CALLED: what the hypervisor wrote is the native hypercall instruction and the whole of what stood there
# long64 intel prefix 66 at 0 pages rw other same vcpus 2
