trapspec scenario 1
# GET_VCPU_INFO, a number that is no command, and one that only the kernel has
persona vmware
level 3
code b868584d56b944000000ba58560000edb868584d56b965000000ba58560000edb868584d56b912000000ba58560000ede6f4f4
