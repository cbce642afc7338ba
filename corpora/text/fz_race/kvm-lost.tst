trapspec scenario 1
protocol kvm@linux-6.1
nvcpu 2
code_at 0x10100
reg rax 0x1
code 0f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
code1 c7042500010100909090f4f4
sched 000000010100
# RACE-LOST: no lost store: a store of the guest is never undone by a rewrite that began before it
# long64 intel prefix none at 0 pages rw other store vcpus 2
