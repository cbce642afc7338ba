trapspec scenario 1
protocol kvm@linux-6.1
nvcpu 2
pte PWU P-U
code_at 0x10fff
reg rax 0x1
code 660f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
sched 000000000000
# RACE-SPLIT: no torn rewrite: across the end of a page it must not stay half done
# long64 intel prefix 66 at end-1 pages second-ro other same vcpus 2
