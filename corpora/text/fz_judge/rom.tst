trapspec scenario 1
# text in read-only memory: a rewrite cannot succeed
cpu wp rom
reg rax 0x1
code 0f01d9f4f4
