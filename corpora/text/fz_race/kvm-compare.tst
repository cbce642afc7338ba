trapspec scenario 1
protocol kvm@linux-6.1
nvcpu 2
mode compat32
cs_base 0x100
code_at 0x10100
reg rax 0x1
code 0f01d9f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
sched 00000000
# RACE-COMPARE: no blind overwrite: compare before write, and write only over the bytes that trapped
# compat32+base intel prefix none at 0 pages rw other same vcpus 2
