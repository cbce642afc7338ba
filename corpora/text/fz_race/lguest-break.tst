trapspec scenario 1
protocol lguest
nvcpu 2
host amd
policy amd
code_at 0x10100
reg rax 0x1
code 0f01c1f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
sched 000000000101
# RACE-BREAK: what the hypervisor wrote ends in no exception that is not a call's: its breakpoint is never the guest's
# long64 amd prefix none at 0 pages rw other same vcpus 2
