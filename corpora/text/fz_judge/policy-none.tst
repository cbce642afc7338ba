trapspec scenario 1
# no policy at all
policy none
reg rax 0x0
code 0fa2f4
