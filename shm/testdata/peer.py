"""A process that is not ours, on the same memory: as peer.c, in Python's own words.

    peer.py sysv|posix|file NAME SIZE MODE
"""
import mmap
import os
import sys
from multiprocessing import resource_tracker, shared_memory


class SysV:
    def __init__(self, name, size, mode):
        import sysv_ipc
        flags = sysv_ipc.IPC_CREX if size else 0
        self.segment = sysv_ipc.SharedMemory(int(name, 0), flags, mode=mode, size=size)
        self.size = self.segment.size

    def read(self, offset, n):
        return self.segment.read(n, offset)

    def write(self, offset, data):
        self.segment.write(data, offset)

    def remove(self):
        self.segment.remove()


class Mapped:
    def read(self, offset, n):
        return bytes(self.memory[offset:offset + n])

    def write(self, offset, data):
        self.memory[offset:offset + len(data)] = data


class POSIX(Mapped):
    def __init__(self, name, size, mode):
        self.segment = shared_memory.SharedMemory(name.lstrip("/"), create=size > 0, size=size)
        resource_tracker.unregister(self.segment._name, "shared_memory")  # it would remove what others use
        self.memory, self.size = self.segment.buf, self.segment.size

    def remove(self):
        os.unlink("/dev/shm/" + self.segment.name)


class File(Mapped):
    def __init__(self, name, size, mode):
        self.name = name
        with open(name, "x+b" if size else "r+b") as file:
            if size:
                file.truncate(size)
            self.memory = mmap.mmap(file.fileno(), 0)
            self.size = len(self.memory)

    def remove(self):
        os.unlink(self.name)


kind, name, size, mode = sys.argv[1:]
peer = {"sysv": SysV, "posix": POSIX, "file": File}[kind](name, int(size), int(mode, 8))
print("ready", peer.size)
for line in sys.stdin:
    verb, *words = line.split()
    if verb == "read":
        print(peer.read(int(words[0]), int(words[1])).hex())
    elif verb == "write":
        peer.write(int(words[0]), bytes.fromhex(words[1]))
        print("ok 0")
    elif verb == "remove":
        peer.remove()
        print("ok 0")
