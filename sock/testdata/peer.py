"""A peer that does as it is told, a line each, and answers as peer.c does."""

import array
import os
import socket
import struct
import sys

KINDS = {"stream": socket.SOCK_STREAM, "seqpacket": socket.SOCK_SEQPACKET, "datagram": socket.SOCK_DGRAM}
MOST = 253
sock = None
try:
    sock = socket.socket(fileno=3)  # one that was inherited
    sock.setblocking(True)
except OSError:
    pass


def address(text):
    raw = b"" if text == "-" else bytes.fromhex(text)
    return raw if raw[:1] in (b"", b"\0") else os.fsdecode(raw)


def name(raw):
    if not raw:
        return "-"
    return (raw if isinstance(raw, bytes) else os.fsencode(raw)).hex()


def cred(raw):
    return "%d:%d:%d" % struct.unpack("3i", raw)


def file_of(word):
    reader, writer = os.pipe()
    os.write(writer, word.encode())
    os.close(writer)
    return reader


def new(kind):
    global sock
    sock = socket.socket(socket.AF_UNIX, KINDS[kind])


def accept():
    global sock
    sock = sock.accept()[0]


def message(to, text, words):
    fds = array.array("i", [file_of(word) for word in words])
    control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else []
    try:
        sock.sendmsg([b"" if text == "-" else text.encode()], control, socket.MSG_NOSIGNAL, *to)
    finally:
        for fd in fds:
            os.close(fd)


def receive():
    text, control, _, source = sock.recvmsg(4096, socket.CMSG_SPACE(MOST * 4) + 64)
    words, who = [], "-1:-1:-1"
    for _, kind, data in control:
        if kind == socket.SCM_CREDENTIALS:
            who = cred(data)
        if kind == socket.SCM_RIGHTS:
            fds = array.array("i")
            fds.frombytes(data)
            for fd in fds:
                words.append(os.read(fd, 64).decode())
                os.close(fd)
    return f"{text.decode() or '-'} [{' '.join(words)}] {name(source)} {who}"


def setuid(user):
    os.setgid(int(user))
    os.setuid(int(user))


COMMANDS = {
    "new": new,
    "bind": lambda to: sock.bind(address(to)),
    "padded": lambda to: sock.bind(address(to).ljust(108, b"\0")),
    "connect": lambda to: sock.connect(address(to)),
    "listen": lambda: sock.listen(8),
    "accept": accept,
    "passcred": lambda: sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1),
    "send": lambda text, *words: message([], text, words),
    "sendto": lambda to, text, *words: message([address(to)], text, words),
    "receive": receive,
    "peer": lambda: cred(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)),
    "setuid": setuid,
    "close": lambda: sock.close(),
}

for line in sys.stdin:
    command, *arguments = line.split()
    try:
        print(COMMANDS[command](*arguments) or "ok")
    except OSError as failure:
        print(f"errno {failure.errno}")
