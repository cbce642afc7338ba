trapspec scenario 2
host amd
# cpuid; vmcall; vmmcall; vmcall; hlt: to the other vendor between rewrite and retry, and back
code b8000000000fa20f01c10f01d90f01c1f4
migrate 2 intel
migrate 5 amd
