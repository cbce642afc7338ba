trapspec scenario 1
protocol kvm@linux-6.1
nvcpu 2
cpu wp rom
code_at 0x10100
reg rax 0x1
code 0f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
sched 0000000000000000000000000000
# RACE-PROGRESS: no livelock: the rewritten instruction runs after at most three traps in a row
# long64 intel prefix none at 0 pages rom other same vcpus 2
