"""A peer that does as it is told, a line each: System V queues by sysv_ipc,
POSIX queues by ctypes. It answers as peer.c does."""

import ctypes
import errno
import os
import sys

import sysv_ipc

LONGEST = 8192
IPC_NOWAIT = 0o4000
librt = ctypes.CDLL("librt.so.1", use_errno=True)
librt.mq_receive.restype = ctypes.c_ssize_t


class Attr(ctypes.Structure):
    _fields_ = [(name, ctypes.c_long) for name in ("flags", "maxmsg", "msgsize", "curmsgs")] + [("pad", ctypes.c_long * 4)]


queue = -1
sysv = None


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def create(name, mode, number, size):
    global queue
    attr = Attr(maxmsg=int(number), msgsize=int(size))
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    queue = check(librt.mq_open(name.encode(), flags, int(mode, 8), ctypes.byref(attr)))


def open_(name):
    global queue
    queue = check(librt.mq_open(name.encode(), os.O_RDWR))


def send(priority, text):
    text = text.encode()
    check(librt.mq_send(queue, text, ctypes.c_size_t(len(text)), int(priority)))


def receive():
    buffer = ctypes.create_string_buffer(LONGEST)
    priority = ctypes.c_uint()
    n = check(librt.mq_receive(queue, buffer, ctypes.c_size_t(LONGEST), ctypes.byref(priority)))
    return f"{priority.value} {buffer.raw[:n].decode()}"


def attributes():
    attr = Attr()
    check(librt.mq_getattr(queue, ctypes.byref(attr)))
    return f"{attr.maxmsg} {attr.msgsize} {attr.curmsgs} {os.fstat(queue).st_mode & 0o777:o}"


def unlink(name):
    check(librt.mq_unlink(name.encode()))


def msgget(key, mode):
    global sysv
    sysv = sysv_ipc.MessageQueue(int(key), sysv_ipc.IPC_CREX, int(mode, 8), LONGEST)


def msgopen(key):
    global sysv
    sysv = sysv_ipc.MessageQueue(int(key), 0, max_message_size=LONGEST)


def msgsnd(kind, text):
    sysv.send(text.encode(), True, int(kind))


def msgrcv(kind, flags):
    text, kind = sysv.receive(int(flags) & IPC_NOWAIT == 0, int(kind))
    return f"{kind} {text.decode()}"


def msgstat():
    return f"{sysv.current_messages} {sysv.max_size} {sysv.mode & 0o777:o}"


def msgrm():
    sysv.remove()


def errno_of(command, e):
    """The module has its own exceptions, one for several errnos."""
    if isinstance(e, sysv_ipc.ExistentialError):
        return {"msgget": "EEXIST", "msgopen": "ENOENT"}.get(command, "EIDRM")
    return "ENOMSG" if isinstance(e, sysv_ipc.BusyError) else repr(e)


for line in sys.stdin:
    command, *words = line.rstrip("\n").split(" ", 1)
    words = words[0].split(" ", 1 if command in ("send", "msgsnd") else -1) if words else []
    try:
        print(globals()["open_" if command == "open" else command](*words) or "ok")
    except OSError as e:
        print(errno.errorcode[e.errno])
    except sysv_ipc.Error as e:
        print(errno_of(command, e))
