// eat MEGABYTES: says that it is there, and uses so much memory when it is told to. Then
// it says that it has, and waits for a line again.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
	char line[64];
	if (argc != 2)
		return 99;
	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof line, stdin))
		return 1;
	size_t size = strtoul(argv[1], 0, 10) << 20;
	volatile char *memory = malloc(size); /* or the compiler leaves out what nobody reads */
	if (!memory)
		return 2;
	for (size_t at = 0; at < size; at += 4096)
		memory[at] = 1;
	puts("ate");
	fflush(stdout);
	return !fgets(line, sizeof line, stdin);
}
