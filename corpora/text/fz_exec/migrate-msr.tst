trapspec scenario 2
# system time and poll control written, migrated, read back
code b9014d564bb80120010031d20f30b9054d564b31c031d20f30b9014d564b0f32b9054d564b0f32f4
migrate 1 intel
migrate 2 amd
migrate 3 intel
