trapspec scenario 1
# out-of-range leaves of a hygon guest
host amd
policy hygon
reg rax 0x7fffffff
code 0fa2f4
