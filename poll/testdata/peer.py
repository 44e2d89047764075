"""The other end of a source, at descriptor 3, or of one that it opens there. It does
what it is told, a line each, and says "ok", or the name of the error."""
import ctypes
import errno
import os
import socket
import struct
import sys

END = 3
libc = ctypes.CDLL(None, use_errno=True)
held = []  # a socket object closes its descriptor when it goes


def call(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def put_at_end(fd):
    if fd != END:
        os.dup2(fd, END)
        os.close(fd)


def dial(family, address):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.connect(address)
    put_at_end(s.detach())


def post(name):
    queue = call(libc.mq_open(name.encode(), os.O_WRONLY))
    call(libc.mq_send(queue, b"x", 1, 0))
    call(libc.mq_close(queue))


def as_socket(use):
    s = socket.socket(fileno=END)
    use(s)
    s.detach()


verbs = {
    "write": lambda _: os.write(END, struct.pack("=Q", 1)),
    "read": lambda _: os.read(END, 8),
    "urgent": lambda _: as_socket(lambda s: s.send(b"!", socket.MSG_OOB)),
    "shut": lambda _: as_socket(lambda s: s.shutdown(socket.SHUT_WR)),
    "close": lambda _: os.close(END),
    "open": lambda path: put_at_end(os.open(path, os.O_WRONLY)),
    "touch": lambda path: os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)),
    "unix": lambda path: dial(socket.AF_UNIX, path),
    "tcp": lambda port: dial(socket.AF_INET, ("127.0.0.1", int(port))),
    "expire": lambda _: call(libc.timerfd_settime(END, 0, (ctypes.c_long * 4)(0, 0, 0, 1), None)),
    "post": post,
    "exit": lambda _: sys.exit(),
}

for line in sys.stdin:
    verb, _, what = line.strip().partition(" ")
    try:
        verbs[verb](what)
        print("ok")
    except OSError as e:
        print(errno.errorcode[e.errno])
