trapspec scenario 1
# the gate has privilege level 1
persona lguest
mode prot32
level 3
code cd1fe6f4f4
