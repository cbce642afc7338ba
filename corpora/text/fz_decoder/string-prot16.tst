trapspec scenario 1
# string in prot16 code
mode prot16
code f3a5f2ae
