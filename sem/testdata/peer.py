"""A neighbour in Python, which does on semaphores what it is told, a line each,
and answers "ok NUMBER" or "error NAME". It knows some of what peer.c knows."""
import sys

import _multiprocessing
import sysv_ipc

SEMAPHORE, LARGEST = 1, 2**31 - 1
sem = None  # the POSIX semaphore that is open
vset = None  # the set of System V


def posix(what, *words):
    global sem
    if what == "create":  # as multiprocessing does
        sem = _multiprocessing.SemLock(SEMAPHORE, int(words[1]), LARGEST, words[0], False)
    elif what == "open":
        sem = _multiprocessing.SemLock._rebuild(0, SEMAPHORE, LARGEST, words[0])
    elif what == "unlink":
        _multiprocessing.sem_unlink(words[0])
    elif what == "wait":
        sem.acquire()
    elif what == "trywait":
        return 0 if sem.acquire(False) else "busy"
    elif what == "post":
        sem.release()
    elif what == "getvalue":
        return sem._get_value()
    return 0


def sysv(what, *words):
    global vset
    if what == "vcreate":
        vset = sysv_ipc.Semaphore(int(words[0], 0), sysv_ipc.IPC_CREX, initial_value=int(words[1]))
        return vset.id
    if what == "vopen":
        vset = sysv_ipc.Semaphore(int(words[0], 0))
        return vset.id
    if what == "vop":  # INDEX,CHANGE,FLAGS
        _, change, flags = (int(word, 0) for word in words[0].split(","))
        vset.undo = bool(flags & 0x1000)
        vset.P(None, -change) if change < 0 else vset.V(change) if change > 0 else vset.Z()
    elif what == "vvalue":
        return vset.value
    elif what == "vsetvalue":
        vset.value = int(words[1])
    elif what == "vncnt":
        return vset.waiting_for_nonzero
    elif what == "vzcnt":
        return vset.waiting_for_zero
    elif what == "vpid":
        return vset.last_pid
    elif what == "vremove":
        vset.remove()
    return 0


for line in sys.stdin:
    words = line.split()
    try:
        result = (sysv if words[0].startswith("v") else posix)(*words)
        print("error busy" if result == "busy" else f"ok {result}")
    except Exception as error:
        print("error", type(error).__name__)
sys.exit(3)
