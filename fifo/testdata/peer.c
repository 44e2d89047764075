// A process at one end of FIFOs, as told line by line:
//   open HOW PATH       r, w, rw; rn and wn without blocking. "ok" or "errno NUMBER"
//   read                what one read gives: "got TEXT", "end", or "errno NUMBER"
//   write TEXT          "ok", or "errno NUMBER"
//   flood BYTE SIZE     writes records of that byte until it is killed or fails
//   drain               reads until it is killed
//   close
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fd = -1;

static void answer(ssize_t result) {
	if (result < 0)
		printf("errno %d\n", errno);
	else
		puts("ok");
}

static int how(const char *name) {
	int flags = strchr(name, 'n') ? O_NONBLOCK : 0;
	if (!strcmp(name, "rw"))
		return O_RDWR;
	return flags | (name[0] == 'r' ? O_RDONLY : O_WRONLY);
}

static void take(void) {
	char text[65537];
	ssize_t n = read(fd, text, sizeof text - 1);
	if (n < 0)
		answer(n);
	else if (n == 0)
		puts("end");
	else
		printf("got %.*s\n", (int)n, text);
}

static void flood(int byte, size_t size) {
	char record[4096];
	memset(record, byte, sizeof record);
	ssize_t n;
	while ((n = write(fd, record, size)) == (ssize_t)size)
		;
	answer(n);
}

static void drain(void) {
	char text[65536];
	ssize_t n;
	while ((n = read(fd, text, sizeof text)) > 0)
		;
	answer(n);
}

int main(void) {
	static char line[70000], word[20], path[4096];

	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		size_t size;
		if (sscanf(line, "open %19s %4095s", word, path) == 2)
			answer(fd = open(path, how(word) | O_CLOEXEC));
		else if (!strcmp(line, "read"))
			take();
		else if (!strncmp(line, "write ", 6))
			answer(write(fd, line + 6, strlen(line + 6)));
		else if (sscanf(line, "flood %1s %zu", word, &size) == 2)
			flood(word[0], size);
		else if (!strcmp(line, "drain"))
			drain();
		else if (!strcmp(line, "close"))
			answer(close(fd));
		else
			return fprintf(stderr, "what is %s\n", line), 1;
	}
	return 0;
}
