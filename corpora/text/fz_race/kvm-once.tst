trapspec scenario 1
protocol kvm@linux-6.1
nvcpu 2
code_at 0x10100
reg rax 0x1
code 3e3e3e0f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
sched 0000000000000000000c0000
# RACE-ONCE: one hypercall instruction is one call
# long64 intel prefix 3e3e3e at 0 pages rw other migrate vcpus 2
