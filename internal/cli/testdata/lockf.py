# lockf.py FILE START LENGTH hold|try: takes a record lock by lockf. To hold it,
# it says so and waits for a line; status 9 is a lock that is busy.
import fcntl, os, sys

path, start, length, how = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
fd = os.open(path, os.O_RDWR | os.O_CREAT)
try:
    fcntl.lockf(fd, fcntl.LOCK_EX | (fcntl.LOCK_NB if how == "try" else 0), length, start)
except BlockingIOError:
    sys.exit(9)
if how == "hold":
    print("held", flush=True)
    sys.stdin.readline()
