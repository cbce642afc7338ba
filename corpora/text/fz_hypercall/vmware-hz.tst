trapspec scenario 1
# frequencies above what 32 bits of Hz hold, in 32-bit code
persona vmware
mode prot32
leaf 0x40000010 - eax=0x4c4b40 ebx=0x101d0 ecx=0x2 edx=0
code b868584d56b92d000000ba58560000edb868584d56b901000000ba58560000edf4
