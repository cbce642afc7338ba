trapspec scenario 1
protocol kvm@linux-6.1
nvcpu 2
code_at 0x10100
reg rax 0x1
code 660f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
code1 c6042580700000050f013c2500010100f4
sched 00000000010100
# RACE-SPLIT: no torn rewrite: across the end of a page it must not stay half done
# long64 intel prefix 66 at 0 pages rw other protect vcpus 2
