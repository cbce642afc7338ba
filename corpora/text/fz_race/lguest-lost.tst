trapspec scenario 1
protocol lguest
nvcpu 2
host amd
policy amd
code_at 0x10100
reg rax 0x1
code 0f01c1f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
code1 c7042500010100909090f4f4
sched 000000010100
# RACE-LOST: no lost store: a store of the guest is never undone by a rewrite that began before it
# long64 amd prefix none at 0 pages rw other store vcpus 2
