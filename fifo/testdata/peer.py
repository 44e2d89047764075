# What peer.c does, in Python.
import os
import signal
import sys

signal.signal(signal.SIGPIPE, signal.SIG_IGN)
HOW = {"r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR,
       "rn": os.O_RDONLY | os.O_NONBLOCK, "wn": os.O_WRONLY | os.O_NONBLOCK}
fd = -1


def obey(words):
    global fd
    if words[0] == "open":
        fd = os.open(words[2], HOW[words[1]])
    elif words[0] == "read":
        text = os.read(fd, 65536).decode()
        return "got " + text if text else "end"
    elif words[0] == "write":
        os.write(fd, words[1].encode())
    elif words[0] == "flood":
        while True:
            os.write(fd, words[1].encode() * int(words[2]))
    elif words[0] == "drain":
        while os.read(fd, 65536):
            pass
    elif words[0] == "close":
        os.close(fd)
    return "ok"


for line in sys.stdin:
    try:
        print(obey(line.split()))
    except OSError as error:
        print("errno", error.errno)
