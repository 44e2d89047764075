# Says each signal that it gets, and exits with status 7 by SIGTERM.
import os, signal, sys

def said(number, frame):
    os.write(1, signal.Signals(number).name.encode() + b"\n")
    if number == signal.SIGTERM:
        os._exit(7)

for name in sys.argv[1:]:
    signal.signal(getattr(signal, name), said)
os.write(1, b"ready\n")
while True:
    signal.pause()
