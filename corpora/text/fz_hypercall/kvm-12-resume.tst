trapspec scenario 1
# MAP_GPA_RANGE: user space answers and the guest goes on
config exit-map-gpa exit-resume
exit_ret 0x123456789abcdef0
reg rax 0xc
reg rbx 0x10000
reg rcx 0x1
code 0f01c1f4
