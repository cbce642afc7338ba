trapspec scenario 3
protocol kvm@linux-6.1
how open
nvcpu 2
pte P-U P-U
code_at 0x10100
reg rax 0x1
code 0f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
code1 c7042500010100909090f4f4
sched 000000000101
# RACE-RIGHTS: a store that the page tables of the guest forbid faults also while the hypervisor rewrites the text there
# long64 intel prefix none at 0 pages ro other store vcpus 2 how open
