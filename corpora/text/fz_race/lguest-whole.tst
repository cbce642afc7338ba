trapspec scenario 1
protocol lguest
nvcpu 2
host amd
policy amd
code_at 0x10100
reg rax 0x1
code 0f01c1f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
sched 000000000101
# RACE-WHOLE: cross-modifying code: a processor executes the old or the new instruction and never a piece of each
# long64 amd prefix none at 0 pages rw other same vcpus 2
