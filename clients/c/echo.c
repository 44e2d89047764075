/*
 * echo: both sides of a connection over shared memory, with kith.h.
 *
 *     cc -std=c11 -O2 -o echo echo.c
 *     ./echo serve /tmp/echo.sock &         says each message, and sends it back
 *     ./echo dial /tmp/echo.sock            sends each line of stdin, and says the answer
 *
 * Either side may be Go: kith.Listen and kith.Dial with "shm:/tmp/echo.sock". The command
 * cannot be: kith send waits for what kith recv says at the end, and takes an echo for a
 * complaint.
 */
#define _GNU_SOURCE
#include "kith.h"
#include <stdio.h>

static int complain(const char *what, int64_t error)
{
	fprintf(stderr, "echo: %s: %s\n", what, kith_strerror(error));
	return 1;
}

static void say(const void *message, int64_t length)
{
	fwrite(message, 1, (size_t)length, stdout);
	putchar('\n');
	fflush(stdout);
}

/* answer sends every message back where it lies, until the peer's end. */
static int64_t answer(struct kith_conn *c)
{
	const void *message;
	int64_t length;
	while ((length = kith_lease(c, &message)) >= 0) {
		say(message, length);
		int error = kith_send(c, message, (size_t)length);
		if (error == -EPIPE) /* who only sends is welcome, too */
			continue;
		if (error)
			return error;
	}
	return length;
}

static int serve(const char *path)
{
	int listener = kith_listen(path);
	if (listener < 0)
		return complain(path, listener);
	for (;;) {
		struct kith_conn c;
		int64_t error = kith_accept(&c, listener, NULL);
		if (!error) {
			error = answer(&c);
			kith_close(&c);
		}
		if (error != KITH_EOF)
			complain("a peer", error);
	}
}

static int dial(const char *path)
{
	struct kith_conn c;
	int64_t error = kith_dial(&c, path, NULL);
	if (error)
		return complain(path, error);
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	while (error >= 0 && (length = getline(&line, &room, stdin)) > 0) {
		const void *message;
		error = kith_send(&c, line, (size_t)length - (line[length - 1] == '\n'));
		if (!error && (error = kith_receive(&c, &message)) >= 0)
			say(message, error);
	}
	free(line);
	kith_close(&c); /* which says goodbye: the server sees an end, not a death */
	return error < 0 ? complain(path, error) : 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "dial"))
		return dial(argv[2]);
	fputs("usage: echo serve|dial PATH\n", stderr);
	return 2;
}
