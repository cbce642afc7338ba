trapspec scenario 1
protocol kvm@linux-6.1
nvcpu 2
code_at 0x10100
reg rax 0x1
code 0f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
code1 c70425004101000f01d9f4c7042504410100f4f4f4f4c7042580700000074001
code1 000f013c2500010100f4
sched 0000000000010101010101000000000000000000000000000000000000
# RACE-PROGRESS: no livelock: the rewritten instruction runs after at most three traps in a row
# long64 intel prefix none at 0 pages rw other copy vcpus 2
