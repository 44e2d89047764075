"""Blocks or ignores signal 60, as argv[1] says, and becomes the program argv[2:]."""
import os
import signal
import sys

if sys.argv[1] == "block":
    signal.pthread_sigmask(signal.SIG_BLOCK, {60})
else:
    signal.signal(60, signal.SIG_IGN)
os.execv(sys.argv[2], sys.argv[2:])
