// trace PID: traces the process, says so, and never waits for it.
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>

int main(int argc, char **argv) {
	char line[64];
	if (argc != 2 || ptrace(PTRACE_SEIZE, atoi(argv[1]), 0, 0))
		return 1;
	puts("traced");
	fflush(stdout);
	return !fgets(line, sizeof line, stdin);
}
