// A client of examples/fifoserver in C: it asks each line of its stdin, and prints the
// answers. It waits by poll(2).
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[PATH_MAX], line[PIPE_BUF], record[PIPE_BUF + 100];
	if (argc != 3)
		errx(2, "usage: fifo_client DIR NAME");
	snprintf(path, sizeof path, "%s/%s.reply", argv[1], argv[2]);
	if (mkfifo(path, 0600) < 0)
		err(1, "mkfifo");
	int replies = open(path, O_RDONLY | O_NONBLOCK);
	snprintf(path, sizeof path, "%s/requests", argv[1]);
	int requests = open(path, O_WRONLY);
	if (replies < 0 || requests < 0)
		err(1, "open");
	while (fgets(line, sizeof line, stdin)) {
		int n = snprintf(record, sizeof record, "%s %s", argv[2], line);
		if (write(requests, record, n) != n)
			err(1, "write");
		struct pollfd ready = {.fd = replies, .events = POLLIN};
		if (poll(&ready, 1, -1) < 0)
			err(1, "poll");
		ssize_t got = read(replies, record, PIPE_BUF);
		if (got <= 0 || write(1, record, got) != got)
			err(1, "read");
	}
	return 0;
}
