trapspec scenario 1
protocol lguest
nvcpu 2
host amd
policy amd
code_at 0x10100
reg rax 0x1
code 0f01c1f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
code1 c6042580700000060f013c2500010100f4
sched 000000010100
# RACE-UD: no spurious #UD: the bytes are a legal instruction by now
# long64 amd prefix none at 0 pages rw other unmap vcpus 2
