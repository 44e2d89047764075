"""Says each line that it hears."""
import sys

for line in sys.stdin:
    print(line, end="")
