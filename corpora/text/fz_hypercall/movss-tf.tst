trapspec scenario 1
# hypercall in the shadow of MOV SS, with TF
flags 0x100
reg rax 0x1
reg rcx 0x10
code 8ed10f01c1f4
