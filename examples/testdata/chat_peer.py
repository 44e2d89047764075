# The other side of examples/chat that is not ours: it says what its stdin says, a Python
# literal of bytes in each line, and what has come, as such a literal. "end" is the end
# of what it says, "wait" waits until something has come, "read" is one read, "all" reads
# to the end.
import ast
import select
import socket
import sys

peer = socket.socket(socket.AF_UNIX)
if sys.argv[1] == "answer":
    listener = peer
    listener.bind(sys.argv[2])
    listener.listen()
    print("waiting")
    peer, _ = listener.accept()
else:
    peer.connect(sys.argv[2])
    print("connected")
for line in sys.stdin:
    match line.strip():
        case "end":
            peer.shutdown(socket.SHUT_WR)
        case "wait":
            select.select([peer], [], [])
            print("come")
        case "read":
            print(peer.recv(65536))
        case "all":
            got = b""
            while more := peer.recv(65536):
                got += more
            print(len(got), got[-60:])
        case "close":
            peer.close()
        case said:
            peer.sendall(ast.literal_eval(said))
