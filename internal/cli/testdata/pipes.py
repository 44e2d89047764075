"""Fills a FIFO, and uses up what its user may have of pipes: further ones are small."""
import fcntl
import os
import sys

F_SETPIPE_SZ = 1031
MAX = int(open("/proc/sys/fs/pipe-max-size").read())

fifo = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(fifo, F_SETPIPE_SZ, MAX)
os.write(fifo, b"x" * 60000)
pipes = []
try:
    while len(pipes) < 1000:
        pipes.append(os.pipe())
        fcntl.fcntl(pipes[-1][1], F_SETPIPE_SZ, MAX)
except PermissionError:
    print("full")
sys.stdin.readline()
