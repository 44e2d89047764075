// Prints what glibc's ftok(3) makes of a file and a project.
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>

int main(int argc, char **argv) {
	if (argc != 3)
		return 2;
	printf("0x%08x\n", (unsigned)ftok(argv[1], atoi(argv[2])));
	return 0;
}
