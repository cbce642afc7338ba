trapspec scenario 1
# MAP_GPA_RANGE of an address that is not page aligned
config exit-map-gpa
reg rax 0xc
reg rbx 0x10001
reg rcx 0x1
code 0f01c1f4
