trapspec scenario 1
protocol virtualbox
nvcpu 3
code_at 0x10100
reg rax 0x1
code 0f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
code1 c7042500010100909090f4f4
sched 00000000010100010202
# RACE-WHOLE: cross-modifying code: a processor executes the old or the new instruction and never a piece of each
# long64 intel prefix none at 0 pages rw other store vcpus 3
