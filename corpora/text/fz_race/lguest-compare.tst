trapspec scenario 1
protocol lguest
nvcpu 2
host amd
policy amd
mode compat32
cs_base 0x100
code_at 0x10100
reg rax 0x1
code 0f01c1f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4
sched 00000000
# RACE-COMPARE: no blind overwrite: compare before write, and write only over the bytes that trapped
# compat32+base amd prefix none at 0 pages rw other same vcpus 2
