# A parent that waits for its children only when it is told to.
#   spawn PROGRAM ARGUMENT...  starts a child, which reads what this process reads from
#                              descriptor 3 on, and says its PID
#   reap PID                   waits for it, and says its status as os.waitstatus_to_exitcode has it
import os
import sys

for line in sys.stdin:
    command, *words = line.split()
    if command == "spawn":
        pid = os.fork()
        if pid == 0:
            os.dup2(3, 0)
            os.dup2(2, 1)
            os.execv(words[0], words)
        print(pid)
    elif command == "reap":
        _, status = os.waitpid(int(words[0]), 0)
        print(os.waitstatus_to_exitcode(status))
