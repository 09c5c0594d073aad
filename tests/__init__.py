import gc

gc.disable()  # until the tests are collected, which makes many objects and no garbage
