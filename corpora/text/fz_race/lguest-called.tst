trapspec scenario 1
protocol lguest
nvcpu 2
host amd
policy amd
code_at 0x1010f
reg rax 0x1
code 0f01c1f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
sched 000000000100000101
# RACE-CALLED: what the hypervisor wrote is the native hypercall instruction and the whole of what stood there
# long64 amd prefix none at 15 pages rw other same vcpus 2
