trapspec scenario 1
mode long63
