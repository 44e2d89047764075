# A parent that waits for its children only when it is told to.
#   spawn PROGRAM ARGUMENT...  starts a child, which reads what this process reads from
#                              descriptor 3 on, and says its PID
#   fork N                     has N children, says their PIDs, and the i-th ends with status
#                              i % 256 when there is nothing to read from descriptor 3
#   reap PID                   waits for it, and says its status as os.waitstatus_to_exitcode has it
#   reap all                   waits for each as soon as it ends, and says so
import os
import sys


def spawn(program, *arguments):
    pid = os.fork()
    if pid == 0:
        os.dup2(3, 0)
        os.dup2(2, 1)
        os.execv(program, [program, *arguments])
    return pid


def fork(number):
    pid = os.fork()
    if pid == 0:
        os.read(3, 1)
        os._exit(number % 256)
    return pid


def reap_all():
    try:
        while True:
            os.wait()
    except ChildProcessError:
        return "all"


for line in sys.stdin:
    command, *words = line.split()
    if command == "spawn":
        print(spawn(*words))
    elif command == "fork":
        for i in range(int(words[0])):
            print(fork(i))
    elif words == ["all"]:
        print(reap_all())
    else:
        _, status = os.waitpid(int(words[0]), 0)
        print(os.waitstatus_to_exitcode(status))
