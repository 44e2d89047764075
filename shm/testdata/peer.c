// A process that is not ours, on the same memory:
//
//	peer sysv|id|posix|file NAME SIZE MODE
//
// It makes the object if SIZE is not 0, else it opens the one that is there. Then it
// says "ready SIZE", or "errno N", and answers a line for each line it is told.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

static int fd = -1, id = -1;
static long size;
static unsigned char *memory;

static void say(const char *word, long n) { printf("%s %ld\n", word, n); }

static void fail(void) {
	say("errno", errno);
	exit(0);
}

static void sysv(int key, int mode) {
	id = shmget(key, size, size ? IPC_CREAT | IPC_EXCL | mode : 0);
	if (id < 0) fail();
}

static void attach(void) {
	memory = shmat(id, NULL, 0);
	struct shmid_ds stat;
	if (memory == (void *)-1 || shmctl(id, IPC_STAT, &stat) < 0) fail();
	size = stat.shm_segsz;
}

static void map(void) {
	if (fd < 0) fail();
	if (size && ftruncate(fd, size) < 0) fail();
	struct stat stat;
	if (fstat(fd, &stat) < 0) fail();
	size = stat.st_size;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) fail();
}

static void start(const char *kind, const char *name, int mode) {
	int flags = O_RDWR | (size ? O_CREAT | O_EXCL : 0);
	if (!strcmp(kind, "sysv")) sysv(strtol(name, NULL, 0), mode), attach();
	if (!strcmp(kind, "id")) id = atoi(name), attach();
	if (!strcmp(kind, "posix")) fd = shm_open(name, flags, mode), map();
	if (!strcmp(kind, "file")) fd = open(name, flags, mode), map();
}

static void show(long offset, long n) {
	for (long i = 0; i < n; i++) printf("%02x", memory[offset + i]);
	printf("\n");
}

static void store(long offset, const char *hex) {
	for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 2) memory[offset++] = byte;
	say("ok", 0);
}

// blink takes the file away and brings it back, again and again.
static void blink(long times) {
	for (long i = 0; i < times; i++)
		if (ftruncate(fd, 0) < 0 || ftruncate(fd, size) < 0) fail();
	say("ok", times);
}

static void add(long offset, long times) {
	_Atomic unsigned long *word = (void *)(memory + offset);
	for (long i = 0; i < times; i++) atomic_fetch_add(word, 1);
	say("ok", atomic_load(word));
}

static void add32(long offset, long times) {
	_Atomic unsigned *word = (void *)(memory + offset);
	for (long i = 0; i < times; i++) atomic_fetch_add(word, 1);
	say("ok", atomic_load(word));
}

static void tell(int result) { result < 0 ? fail() : say("ok", result); }

int main(int argc, char **argv) {
	if (argc != 5) return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	umask(0);
	size = atol(argv[3]);
	start(argv[1], argv[2], strtol(argv[4], NULL, 8));
	say("ready", size);
	char line[4096], verb[16], hex[4000];
	while (fgets(line, sizeof line, stdin)) {
		long a = 0, b = 0;
		sscanf(line, "%15s %ld %ld", verb, &a, &b);
		if (!strcmp(verb, "read")) show(a, b);
		if (!strcmp(verb, "write") && sscanf(line, "%*s %*d %3999s", hex) == 1) store(a, hex);
		if (!strcmp(verb, "add")) add(a, b);
		if (!strcmp(verb, "add32")) add32(a, b);
		if (!strcmp(verb, "truncate")) tell(ftruncate(fd, a));
		if (!strcmp(verb, "blink")) blink(a);
		if (!strcmp(verb, "remove")) tell(id >= 0 ? shmctl(id, IPC_RMID, NULL) : shm_unlink(argv[2]));
		if (!strcmp(verb, "id")) say("id", id);
	}
	return 0;
}
