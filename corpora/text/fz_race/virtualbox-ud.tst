trapspec scenario 1
protocol virtualbox
nvcpu 2
code_at 0x10100
reg rax 0x1
code 0f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
code1 c7042500010100909090f4f4
sched 0000010100
# RACE-UD: no spurious #UD: the bytes are a legal instruction by now
# long64 intel prefix none at 0 pages rw other store vcpus 2
