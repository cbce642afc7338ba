trapspec scenario 1
protocol virtualbox
nvcpu 2
code_at 0x10100
reg rax 0x1
code 0f0b90f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
code1 c70425000101000f01d9f4f4
sched 000001010000
# RACE-OPCODE: act on the bytes the processor faulted on and on no others
# long64 intel prefix none at 0 pages rw other create vcpus 2
