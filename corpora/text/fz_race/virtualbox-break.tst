trapspec scenario 1
protocol virtualbox
nvcpu 3
code_at 0x10100
reg rax 0x1
code 0f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
code1 c7042500010100909090f4f4
sched 000000000101000001020002
# RACE-BREAK: what the hypervisor wrote ends in no exception that is not a call's: its breakpoint is never the guest's
# long64 intel prefix none at 0 pages rw other store vcpus 3
