# Says each signal that it gets, and exits with status 7 by SIGTERM. It takes them by
# sigwait(2): one that comes between a handler's end and pause(2) would be said late.
import os, signal, sys

wanted = {getattr(signal, name) for name in sys.argv[1:]}
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
os.write(1, b"ready\n")
while True:
    number = signal.sigwait(wanted)
    os.write(1, signal.Signals(number).name.encode() + b"\n")
    if number == signal.SIGTERM:
        os._exit(7)
