trapspec scenario 1
# string in long64 code
code f3a5f2ae
