"""The same as peer.c by Python's fcntl.flock and fcntl.lockf (which is fcntl(2))."""
import fcntl
import os
import sys

file = open(sys.argv[1], "r+b") if os.path.exists(sys.argv[1]) else open(sys.argv[1], "w+b")

for line in sys.stdin:
    kind, action, mode, start, length = line.split()
    how = fcntl.LOCK_UN if action == "drop" else fcntl.LOCK_SH if mode == "shared" else fcntl.LOCK_EX
    if action == "try":
        how |= fcntl.LOCK_NB
    try:
        if kind == "flock":
            fcntl.flock(file, how)
        else:
            fcntl.lockf(file, how, int(length), int(start), os.SEEK_SET)
        print("ok")
    except OSError as e:
        print("errno", e.errno)
