trapspec scenario 1
protocol kvm@linux-6.1
nvcpu 2
host amd
policy amd
mode real16
code_at 0xe100
reg rax 0x1
code 0f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
sched 0c000000
# RACE-MIGRATE: the rewrite is there so that a guest can move between vendors: it goes on as before
# real16 amd prefix none at 0 pages rw other moved vcpus 2
