# A client of examples/fifoserver that is not ours: it asks each line of its stdin, and
# prints the answers.
import os
import select
import sys

folder, name = sys.argv[1:]
path = f"{folder}/{name}.reply"
os.mkfifo(path, 0o600)
replies = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
requests = os.open(f"{folder}/requests", os.O_WRONLY)
waiting = select.poll()
waiting.register(replies, select.POLLIN)
for line in sys.stdin:
    os.write(requests, f"{name} {line}".encode())
    waiting.poll()
    print(os.read(replies, 4096).decode(), end="")
