// A peer that does as it is told, a line each, with one socket at a time. Names
// are in hexadecimal, "-" is nothing. A file is a pipe that holds the word.
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST 253

static int fd = 3; // a socket that was inherited, or a new one

static socklen_t parse(const char *hex, struct sockaddr_un *a) {
	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	size_t n = 0;
	if (strcmp(hex, "-") != 0)
		for (; hex[2 * n]; n++) {
			unsigned byte;
			sscanf(hex + 2 * n, "%2x", &byte);
			a->sun_path[n] = byte;
		}
	return offsetof(struct sockaddr_un, sun_path) + n;
}

static void print_name(const struct sockaddr_un *a, socklen_t length) {
	size_t n = length < offsetof(struct sockaddr_un, sun_path) ? 0 : length - offsetof(struct sockaddr_un, sun_path);
	if (n > sizeof a->sun_path)
		n = sizeof a->sun_path;
	if (n > 0 && a->sun_path[0])
		n = strnlen(a->sun_path, n);
	if (n == 0)
		printf("-");
	for (size_t i = 0; i < n; i++)
		printf("%02x", (unsigned char)a->sun_path[i]);
}

static int file_of(const char *word) {
	int ends[2];
	if (pipe(ends) != 0 || write(ends[1], word, strlen(word)) < 0)
		abort();
	close(ends[1]);
	return ends[0];
}

// The words of its files are what is left of the line.
static long send_message(const char *to, const char *text) {
	struct sockaddr_un a;
	struct iovec v = {(char *)text, strcmp(text, "-") ? strlen(text) : 0};
	union { char bytes[CMSG_SPACE(MOST * sizeof(int))]; struct cmsghdr align; } control;
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	if (to) {
		m.msg_name = &a;
		m.msg_namelen = parse(to, &a);
	}
	int fds[MOST], count = 0;
	for (char *word = strtok(NULL, " \n"); word; word = strtok(NULL, " \n"))
		fds[count++] = file_of(word);
	if (count) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	long result = sendmsg(fd, &m, MSG_NOSIGNAL);
	int failure = errno;
	while (count)
		close(fds[--count]);
	errno = failure;
	return result;
}

// receive says: TEXT [WORD...] NAME PID:UID:GID
static long receive(void) {
	char text[4096];
	struct sockaddr_un a;
	struct iovec v = {text, sizeof text};
	union { char bytes[CMSG_SPACE(MOST * sizeof(int)) + 64]; struct cmsghdr align; } control;
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_name = &a, .msg_namelen = sizeof a,
		.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return n;
	printf("%.*s [", n ? (int)n : 1, n ? text : "-");
	struct ucred who = {-1, -1, -1};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&who, CMSG_DATA(c), sizeof who);
		if (c->cmsg_type != SCM_RIGHTS)
			continue;
		int fds[MOST], count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), count * sizeof(int));
		for (int i = 0; i < count; i++) {
			char word[64];
			ssize_t length = read(fds[i], word, sizeof word);
			printf("%s%.*s", i ? " " : "", length > 0 ? (int)length : 0, word);
			close(fds[i]);
		}
	}
	printf("] ");
	print_name(&a, m.msg_namelen);
	printf(" %d:%d:%d\n", (int)who.pid, (int)who.uid, (int)who.gid);
	return n;
}

static int kind_of(const char *word) {
	return strcmp(word, "stream") == 0 ? SOCK_STREAM : strcmp(word, "seqpacket") == 0 ? SOCK_SEQPACKET : SOCK_DGRAM;
}

// run returns 1 where it has answered already.
static long run(char *line) {
	struct sockaddr_un a;
	socklen_t length;
	char *word = strtok(line, " \n");
	char *first = strtok(NULL, " \n");
	if (strcmp(word, "new") == 0)
		return (fd = socket(AF_UNIX, kind_of(first) | SOCK_CLOEXEC, 0)) < 0 ? -1 : 0;
	if (strcmp(word, "bind") == 0) {
		length = parse(first, &a);
		return bind(fd, (struct sockaddr *)&a, length);
	}
	if (strcmp(word, "padded") == 0) { // the mistake that many make
		parse(first, &a);
		return bind(fd, (struct sockaddr *)&a, sizeof a);
	}
	if (strcmp(word, "connect") == 0) {
		length = parse(first, &a);
		return connect(fd, (struct sockaddr *)&a, length);
	}
	if (strcmp(word, "listen") == 0)
		return listen(fd, 8);
	if (strcmp(word, "accept") == 0) {
		int listener = fd;
		fd = accept(listener, NULL, NULL);
		close(listener);
		return fd < 0 ? -1 : 0;
	}
	if (strcmp(word, "passcred") == 0) {
		int on = 1;
		return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
	}
	if (strcmp(word, "send") == 0)
		return send_message(NULL, first) < 0 ? -1 : 0;
	if (strcmp(word, "sendto") == 0) {
		char *text = strtok(NULL, " \n");
		return send_message(first, text) < 0 ? -1 : 0;
	}
	if (strcmp(word, "receive") == 0)
		return receive() < 0 ? -1 : 1;
	if (strcmp(word, "peer") == 0) {
		struct ucred who;
		socklen_t size = sizeof who;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
			return -1;
		printf("%d:%d:%d\n", (int)who.pid, (int)who.uid, (int)who.gid);
		return 1;
	}
	if (strcmp(word, "setuid") == 0)
		return setgid(atoi(first)) || setuid(atoi(first)) ? -1 : 0;
	if (strcmp(word, "close") == 0)
		return close(fd);
	errno = ENOSYS;
	return -1;
}

int main(void) {
	static char line[8192];
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof line, stdin)) {
		long result = run(line);
		if (result < 0)
			printf("errno %d\n", errno);
		else if (result == 0)
			puts("ok");
	}
	return 0;
}
