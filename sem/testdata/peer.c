// A neighbour in C, which does on semaphores what it is told, a line each, and
// answers "ok NUMBER" or "errno NUMBER". See command for what it can be told.
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static sem_t *sem; // the POSIX semaphore that is open
static int set = -1; // the System V set

union semun { int val; struct semid_ds *buf; unsigned short *array; };

static int opened(sem_t *s) {
	if (s == SEM_FAILED) return -1;
	sem = s;
	return 0;
}

// memory maps a file that others map too.
static sem_t *memory(const char *path) {
	int fd = open(path, O_RDWR);
	void *at = mmap(NULL, sizeof(sem_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || at == MAP_FAILED) exit(4);
	return sem = at;
}

// perish waits as sem_wait(3) does, and dies between its wake-up and its taking
// of what it was woken for.
static int perish(void) {
	__atomic_fetch_add((uint64_t *)sem, (uint64_t)1 << 32, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, sem, FUTEX_WAIT, 0, NULL, NULL, 0);
	_exit(0);
}

// timed waits at most so many milliseconds.
static int timed(long ms) {
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += ms % 1000 * 1000000;
	t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return sem_timedwait(sem, &t);
}

// rounds takes and gives back, so often; every time it has it, it adds one to a
// number that only it may change then, beside the semaphore.
static int rounds(long n) {
	volatile uint64_t *number = (uint64_t *)(sem + 1);
	while (n-- > 0) {
		if (sem_wait(sem) < 0) return -1;
		*number += 1;
		if (sem_post(sem) < 0) return -1;
	}
	return 0;
}

static int posts(long n) {
	while (n-- > 0)
		if (sem_post(sem) < 0) return -1;
	return 0;
}

static int value(void) {
	int v;
	return sem_getvalue(sem, &v) < 0 ? -1 : v;
}

static int posix(const char *what, const char *name, long a, long b) {
	if (!strcmp(what, "create")) return opened(sem_open(name, O_CREAT | O_EXCL, (mode_t)b, (unsigned)a));
	if (!strcmp(what, "open")) return opened(sem_open(name, 0));
	if (!strcmp(what, "unlink")) return sem_unlink(name);
	if (!strcmp(what, "init")) return sem_init(memory(name), (int)b, (unsigned)a);
	if (!strcmp(what, "at")) return memory(name) == NULL;
	if (!strcmp(what, "wait")) return sem_wait(sem);
	if (!strcmp(what, "trywait")) return sem_trywait(sem);
	if (!strcmp(what, "timedwait")) return timed(atol(name));
	if (!strcmp(what, "post")) return sem_post(sem);
	if (!strcmp(what, "getvalue")) return value();
	if (!strcmp(what, "perish")) return perish();
	if (!strcmp(what, "rounds")) return rounds(atol(name));
	if (!strcmp(what, "posts")) return posts(atol(name));
	exit(5);
}

// semop INDEX,CHANGE,FLAGS ...
static int operate(char *ops) {
	struct sembuf buf[64];
	size_t n = 0;
	for (char *op = strtok(ops, " "); op && n < 64; op = strtok(NULL, " "), n++)
		if (sscanf(op, "%hu,%hd,%hi", &buf[n].sem_num, &buf[n].sem_op, &buf[n].sem_flg) != 3) exit(6);
	return semop(set, buf, n);
}

static int initialize(long value) {
	union semun zero = {.val = 0};
	struct sembuf first = {0, (short)value, 0};
	if (semctl(set, 0, SETVAL, zero) < 0) return -1;
	return semop(set, &first, 1);
}

// churn takes and gives back for ever, and says each time that it has it.
static int churn(short flags) {
	struct sembuf take = {0, -1, flags}, give = {0, 1, flags};
	for (;;) {
		if (semop(set, &take, 1) < 0) return -1;
		puts("has");
		if (semop(set, &give, 1) < 0) return -1;
	}
}

static int sysv(const char *what, long a, long b) {
	union semun arg = {.val = (int)b};
	if (!strcmp(what, "vcreate")) return set = semget((key_t)a, 1, IPC_CREAT | IPC_EXCL | 0600), set < 0 ? -1 : initialize(b) < 0 ? -1 : set;
	if (!strcmp(what, "vhalf")) return set = semget((key_t)a, (int)b, IPC_CREAT | IPC_EXCL | 0600);
	if (!strcmp(what, "vopen")) return set = semget((key_t)a, 0, 0);
	if (!strcmp(what, "vset")) return set = (int)a, 0;
	if (!strcmp(what, "vvalue")) return semctl(set, (int)a, GETVAL);
	if (!strcmp(what, "vsetvalue")) return semctl(set, (int)a, SETVAL, arg);
	if (!strcmp(what, "vncnt")) return semctl(set, (int)a, GETNCNT);
	if (!strcmp(what, "vzcnt")) return semctl(set, (int)a, GETZCNT);
	if (!strcmp(what, "vpid")) return semctl(set, (int)a, GETPID);
	if (!strcmp(what, "vremove")) return semctl(set, 0, IPC_RMID);
	if (!strcmp(what, "vchurn")) return churn((short)a);
	if (!strcmp(what, "vinitialize")) return initialize(a);
	exit(7);
}

static int command(char *line) {
	char what[32], name[512] = "";
	long a = 0, b = 0;
	if (sscanf(line, "%31s", what) != 1) exit(8);
	if (!strcmp(what, "vop")) return operate(line + strlen("vop "));
	if (what[0] == 'v') return sscanf(line, "%*s %li %li", &a, &b), sysv(what, a, b);
	sscanf(line, "%*s %511s %li %li", name, &a, &b);
	return posix(what, name, a, b);
}

int main(void) {
	char line[1024];
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		int result = command(line);
		if (result < 0) printf("errno %d\n", errno);
		else printf("ok %d\n", result);
	}
	return 3; // the parent is gone
}
