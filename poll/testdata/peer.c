/* The other end of a source, at descriptor 3, or of one that it opens there. It does
 * what it is told, a line each, and says "ok", or the name of the error. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

enum { END = 3 };

static int put_at_end(int fd)
{
	if (fd < 0 || fd == END)
		return fd < 0 ? -1 : 0;
	if (dup2(fd, END) < 0)
		return -1;
	return close(fd);
}

static int dial_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		return -1;
	return put_at_end(fd);
}

static int dial_tcp(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		return -1;
	return put_at_end(fd);
}

static int expire(void)
{
	struct itimerspec soon = {.it_value = {.tv_nsec = 1}};
	return timerfd_settime(END, 0, &soon, NULL);
}

static int post(const char *queue)
{
	mqd_t q = mq_open(queue, O_WRONLY);
	if (q < 0 || mq_send(q, "x", 1, 0) != 0)
		return -1;
	return mq_close(q);
}

static int run(const char *verb, const char *what)
{
	uint64_t one = 1;
	if (strcmp(verb, "write") == 0)
		return write(END, &one, sizeof one) == sizeof one ? 0 : -1;
	if (strcmp(verb, "read") == 0)
		return read(END, &one, sizeof one) > 0 ? 0 : -1;
	if (strcmp(verb, "urgent") == 0)
		return send(END, "!", 1, MSG_OOB) == 1 ? 0 : -1;
	if (strcmp(verb, "shut") == 0)
		return shutdown(END, SHUT_WR);
	if (strcmp(verb, "close") == 0)
		return close(END);
	if (strcmp(verb, "open") == 0)
		return put_at_end(open(what, O_WRONLY));
	if (strcmp(verb, "touch") == 0)
		return close(open(what, O_CREAT | O_WRONLY, 0600));
	if (strcmp(verb, "unix") == 0)
		return dial_unix(what);
	if (strcmp(verb, "tcp") == 0)
		return dial_tcp(what);
	if (strcmp(verb, "expire") == 0)
		return expire();
	if (strcmp(verb, "post") == 0)
		return post(what);
	errno = ENOSYS;
	return -1;
}

int main(void)
{
	char line[512], verb[32], what[256];
	while (fgets(line, sizeof line, stdin)) {
		what[0] = 0;
		if (sscanf(line, "%31s %255s", verb, what) < 1)
			return 2;
		if (strcmp(verb, "exit") == 0)
			return 0;
		puts(run(verb, what) == 0 ? "ok" : strerrorname_np(errno));
		fflush(stdout);
	}
	return 3;
}
