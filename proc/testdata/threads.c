// threads leader: its first thread ends at once; another says so, waits for a line, and ends
// the process with status 7.
// threads exec PROGRAM ARGUMENT...: a thread that is not the first becomes the program.
// threads number: says the number of a thread that is not the first, and waits.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char **program;

static void wait_for_line(void) {
	char line[64];
	if (!fgets(line, sizeof line, stdin))
		exit(8);
}

static void *leader(void *first) {
	pthread_join(*(pthread_t *)first, 0);
	puts("alone");
	fflush(stdout);
	wait_for_line();
	exit(7);
}

static void *exec(void *none) {
	(void)none;
	puts("there");
	fflush(stdout);
	char byte; /* no more: the program reads the rest */
	if (read(0, &byte, 1) != 1)
		exit(8);
	execv(program[0], program);
	exit(9);
}

static void *number(void *none) {
	(void)none;
	printf("%ld\n", (long)syscall(SYS_gettid));
	fflush(stdout);
	wait_for_line();
	exit(0);
}

int main(int argc, char **argv) {
	pthread_t first = pthread_self(), other;
	if (argc < 2)
		return 99;
	program = argv + 2;
	void *(*run)(void *) = strcmp(argv[1], "leader") == 0 ? leader : strcmp(argv[1], "exec") == 0 ? exec : number;
	if (pthread_create(&other, 0, run, &first))
		return 98;
	if (run == leader)
		pthread_exit(0);
	pthread_join(other, 0);
	return 97;
}
