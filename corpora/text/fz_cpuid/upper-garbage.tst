trapspec scenario 1
# upper halves are ignored and cleared
reg rax 0xdeadbeef00000001
reg rcx 0xfeedface00000000
reg rdx 0xffffffffffffffff
reg rbx 0xffffffffffffffff
code 0fa2f4
