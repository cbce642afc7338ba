trapspec scenario 1
protocol virtualbox
nvcpu 2
code_at 0x10100
reg rax 0x1
code 0f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
sched 00000000000001000001
# RACE-SERIAL: once modified code is said to be ready every other processor has serialised
# long64 intel prefix none at 0 pages rw other same vcpus 2
