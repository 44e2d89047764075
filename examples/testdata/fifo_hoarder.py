# A client of examples/fifoserver that asks many times and does not read, until it is
# told to: then it says how many answers there are, whether they are those to its
# questions, in order, and whether the server has hung up.
# It stays until it is told to go.
import os
import sys

folder, name, count, size = sys.argv[1:]
os.mkfifo(f"{folder}/{name}.reply", 0o600)
replies = os.open(f"{folder}/{name}.reply", os.O_RDONLY | os.O_NONBLOCK)
requests = os.open(f"{folder}/requests", os.O_WRONLY)
os.set_blocking(replies, True)


def question(i):
    return f"{i:06d}".ljust(int(size), "x")


for i in range(int(count)):
    os.write(requests, f"{name} {question(i)}\n".encode())
print("asked")

sys.stdin.readline()
got = b""
while got.count(b"\n") < int(count) and (more := os.read(replies, 65536)):
    got += more
answers = [line.split(" ", 1)[1] for line in got.decode().splitlines()]
right = answers == [question(i) for i in range(len(answers))]
print(len(answers), "right" if right else "wrong", "all" if len(answers) == int(count) else "hung up")
sys.stdin.readline()
