# long.py DIR COUNT SIZE: one line of that size into each of the FIFOs DIR/0 and so on,
# all of them bit by bit at the same time, none of which ends before all are long.
import os
import sys

directory, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
outs = [os.open(f"{directory}/{i}", os.O_WRONLY) for i in range(count)]
piece = b"x" * 65536
for _ in range(size // len(piece)):
    for out in outs:
        assert os.write(out, piece) == len(piece)
for out in outs:
    assert os.write(out, b"end\n") == 4
print("written")
