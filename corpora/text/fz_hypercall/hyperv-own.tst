trapspec scenario 1
# Hyper-V itself: the guest says who it is, enables the page at 0x30000 and calls through it; then
# it reads the page's register and the reference counter, and tries the other vendor's instruction
persona hyperv
code b900000040b801000000ba000000810f30b901000040b801000300ba000000000f30b908000100b800000300ffd0b9010000400f32b9200000400f320f01d9f4
