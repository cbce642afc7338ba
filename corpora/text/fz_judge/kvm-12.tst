trapspec scenario 1
# KVM call 12: MAP_GPA_RANGE
config exit-map-gpa
reg rax 0xc
reg rbx 0x10000
reg rcx 0x1
code 0f01c1f4
