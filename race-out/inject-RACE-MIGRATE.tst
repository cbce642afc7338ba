trapspec scenario 1
protocol inject
nvcpu 2
code_at 0x10100
reg rax 0x1
code 0f01c1f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
sched 0c0000
# RACE-MIGRATE: the rewrite is there so that a guest can move between vendors: it goes on as before
# long64 intel prefix none at 0 pages rw other moved vcpus 2
