trapspec scenario 1
protocol kvm@linux-6.1
nvcpu 2
code_at 0x10100
reg rax 0x1
code 0f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
code1 c7042500410100f4f4f4f4c7042504410100f4f4f4f4c7042580700000074001
code1 000f013c2500010100f4
sched 000001010101010100
# RACE-UD: no spurious #UD: the bytes are a legal instruction by now
# long64 intel prefix none at 0 pages rw other remap vcpus 2
