trapspec scenario 1
# out-of-range leaves of a centaur guest
policy centaur
reg rax 0x7fffffff
code 0fa2f4
