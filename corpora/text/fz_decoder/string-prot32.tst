trapspec scenario 1
# string in prot32 code
mode prot32
code f3a5f2ae
