"""A file system with one file, "file", mounted at argv[1], which others share: who
tries an exclusive lock is refused, who waits gets no answer until the line "grant", and
who asks, ENOLCK. It says what it was asked: "mounted", "wait", "drop". With "restless" at
argv[2] the file is another each time it is looked at, and "open" is said too.
<linux/fuse.h> has the layouts."""
import ctypes
import errno
import itertools
import os
import select
import stat
import struct
import sys

LOOKUP, FORGET, GETATTR, OPEN, RELEASE, FLUSH, INIT, GETLK, SETLK, SETLKW, INTERRUPT, BATCH_FORGET = (
    1, 2, 3, 14, 18, 25, 26, 31, 32, 33, 36, 42)
POSIX_LOCKS, FLOCK_LOCKS = 1 << 1, 1 << 10
F_RDLCK, F_UNLCK = 0, 2

fuse = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
if libc.mount(b"fuse", sys.argv[1].encode(), b"fuse", 0, options) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
print("mounted")
waiting = []
restless = "restless" in sys.argv[2:]
inodes = itertools.count(2) if restless else itertools.repeat(2)


def answer(unique, body=b"", error=0):
    os.write(fuse, struct.pack("<IiQ", 16 + len(body), -error, unique) + body)


def attributes(node):
    mode = stat.S_IFDIR | 0o755 if node == 1 else stat.S_IFREG | 0o666
    return struct.pack("<6Q10I", next(inodes) if node == 2 else node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def kind(request):
    return struct.unpack_from("<I", request, 72)[0]


def serve(request):
    _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
    if opcode == INIT:
        answer(unique, struct.pack("<4I2H2I2HI28x", 7, 31, 0, POSIX_LOCKS | FLOCK_LOCKS, 8, 8, 4096, 1, 0, 0, 0))
    elif opcode == LOOKUP and request[40:] == b"file\0":
        answer(unique, struct.pack("<4Q2I", 2, 0, 0, 0, 0, 0) + attributes(2))
    elif opcode == GETATTR:
        answer(unique, struct.pack("<QII", 0, 0, 0) + attributes(node))
    elif opcode == OPEN:
        if restless:
            print("open")
        answer(unique, struct.pack("<QII", 0, 0, 0))
    elif opcode in (SETLK, SETLKW) and kind(request) == F_UNLCK:
        print("drop")
        answer(unique)
    elif opcode == SETLK:
        answer(unique, error=0 if kind(request) == F_RDLCK else errno.EAGAIN)
    elif opcode == SETLKW:
        waiting.append(unique)
        print("wait")
    elif opcode == GETLK:
        answer(unique, error=errno.ENOLCK)
    elif opcode in (RELEASE, FLUSH):
        answer(unique)
    elif opcode not in (FORGET, BATCH_FORGET, INTERRUPT):
        answer(unique, error=errno.ENOENT if opcode == LOOKUP else errno.ENOSYS)


while True:
    for ready in select.select([fuse, sys.stdin], [], [])[0]:
        if ready == fuse:
            serve(os.read(fuse, 1 << 17))
        elif sys.stdin.readline():
            answer(waiting.pop())
        else:
            sys.exit()
