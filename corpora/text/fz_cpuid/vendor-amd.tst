trapspec scenario 1
# out-of-range leaves of a amd guest
host amd
policy amd
reg rax 0x7fffffff
code 0fa2f4
