// A process that locks one file, as told line by line: KIND ACTION MODE START LENGTH.
// KIND: flock ofd posix lockf. ACTION: try wait drop get. MODE: shared exclusive.
// It answers "ok", "free", "held MODE PID START LENGTH", or "errno NUMBER".
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int fd;

static int by_flock(const char *action, const char *mode) {
	int how = strcmp(mode, "shared") ? LOCK_EX : LOCK_SH;
	if (!strcmp(action, "try"))
		how |= LOCK_NB;
	else if (!strcmp(action, "drop"))
		how = LOCK_UN;
	return flock(fd, how);
}

static int by_lockf(const char *action, long long start, long long length) {
	if (lseek(fd, start, SEEK_SET) < 0)
		return -1;
	if (!strcmp(action, "get"))
		return lockf(fd, F_TEST, length);
	if (!strcmp(action, "drop"))
		return lockf(fd, F_ULOCK, length);
	return lockf(fd, strcmp(action, "try") ? F_LOCK : F_TLOCK, length);
}

static int by_fcntl(int ofd, const char *action, struct flock *record) {
	if (!strcmp(action, "get"))
		return fcntl(fd, ofd ? F_OFD_GETLK : F_GETLK, record);
	if (!strcmp(action, "drop"))
		record->l_type = F_UNLCK;
	if (!strcmp(action, "wait"))
		return fcntl(fd, ofd ? F_OFD_SETLKW : F_SETLKW, record);
	return fcntl(fd, ofd ? F_OFD_SETLK : F_SETLK, record);
}

static void answer(int result, const char *action, const struct flock *record) {
	if (result < 0)
		printf("errno %d\n", errno);
	else if (strcmp(action, "get"))
		puts("ok");
	else if (record->l_type == F_UNLCK)
		puts("free");
	else
		printf("held %s %d %lld %lld\n", record->l_type == F_RDLCK ? "shared" : "exclusive", record->l_pid,
		       (long long)record->l_start, (long long)record->l_len);
}

int main(int argc, char **argv) {
	char line[200], kind[20], action[20], mode[20];
	long long start, length;

	fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
	if (fd < 0)
		return perror("open"), 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "%19s %19s %19s %lld %lld", kind, action, mode, &start, &length) != 5)
			return fprintf(stderr, "what is %s", line), 1;
		struct flock record = {.l_type = strcmp(mode, "shared") ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET,
				       .l_start = start, .l_len = length};
		int result;
		if (!strcmp(kind, "flock"))
			result = by_flock(action, mode);
		else if (!strcmp(kind, "lockf"))
			record.l_type = F_UNLCK, result = by_lockf(action, start, length);
		else
			result = by_fcntl(!strcmp(kind, "ofd"), action, &record);
		answer(result, action, &record);
	}
	return 0;
}
