/*
 * calls: the kernel's locks and semaphores in plain C, as the measure for kith's.
 *
 *     cc -O2 -pthread -o calls calls.c
 *     calls CPU THREADS FILE SET
 *
 * It reads lines of a call's name and a number, makes the call so often, and
 * answers with a line: the nanoseconds of CPU time each. Nobody else is in the
 * way. FILE and the System V set with the identifier SET, whose first semaphore is
 * 1, are there.
 *
 *     flock      flock(2) on the open file: lock, unlock
 *     ofd        fcntl(2) with F_OFD_SETLK on it: lock, unlock
 *     lockfile   FILE: open, flock, is it still the file of that name?, unlock, close
 *     semop      semop(2): take, give
 *     semaphore  sem_wait(3), sem_post(3), in memory that processes can share
 *
 * THREADS is 1, or 2 for an idle one beside. With two the kernel counts references
 * to a descriptor in each call, as it has to in any Go program.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *path;
static int file, set;
static sem_t *semaphore;

static void die(const char *what)
{
	fprintf(stderr, "calls: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the calls ---- */

static void call_flock(long count)
{
	while (count--)
		if (flock(file, LOCK_EX | LOCK_NB) < 0 || flock(file, LOCK_UN) < 0)
			die("flock");
}

static void call_ofd(long count)
{
	while (count--) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		if (fcntl(file, F_OFD_SETLK, &lock) < 0)
			die("fcntl");
		lock.l_type = F_UNLCK;
		if (fcntl(file, F_OFD_SETLK, &lock) < 0)
			die("fcntl");
	}
}

static void call_lockfile(long count)
{
	while (count--) {
		struct stat ours, now;
		int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &ours) < 0 || stat(path, &now) < 0)
			die(path);
		if (ours.st_dev != now.st_dev || ours.st_ino != now.st_ino) {
			errno = ESTALE;
			die(path);
		}
		if (flock(fd, LOCK_UN) < 0 || close(fd) < 0)
			die(path);
	}
}

static void call_semop(long count)
{
	struct sembuf take = {.sem_op = -1, .sem_flg = IPC_NOWAIT}, give = {.sem_op = 1, .sem_flg = IPC_NOWAIT};
	while (count--)
		if (semop(set, &take, 1) < 0 || semop(set, &give, 1) < 0)
			die("semop");
}

static void call_semaphore(long count)
{
	while (count--)
		if (sem_wait(semaphore) < 0 || sem_post(semaphore) < 0)
			die("semaphore");
}

static const struct call {
	const char *name;
	void (*make)(long count);
} calls[] = {
	{"flock", call_flock},
	{"ofd", call_ofd},
	{"lockfile", call_lockfile},
	{"semop", call_semop},
	{"semaphore", call_semaphore},
};

/* ---- the program ---- */

static void pin(int cpu)
{
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof cpus, &cpus) < 0)
		die("sched_setaffinity");
}

static void *idle(void *nothing)
{
	for (;;)
		pause();
	return nothing;
}

/* now is the CPU time of this thread, which others on its CPU do not add to. */
static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void prepare(void)
{
	file = open(path, O_RDWR | O_CLOEXEC);
	if (file < 0)
		die(path);
	semaphore = mmap(NULL, sizeof *semaphore, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (semaphore == MAP_FAILED || sem_init(semaphore, 1, 1) < 0)
		die("semaphore");
}

static double measure(const char *name, long count)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (!strcmp(name, calls[i].name)) {
			double start = now();
			calls[i].make(count);
			return (now() - start) / (double)count;
		}
	errno = EINVAL;
	die(name);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fputs("usage: calls CPU THREADS FILE SET\n", stderr);
		return 2;
	}
	pin(atoi(argv[1]));
	pthread_t thread;
	if (atoi(argv[2]) > 1 && pthread_create(&thread, NULL, idle, NULL))
		die("pthread_create");
	path = argv[3];
	set = atoi(argv[4]);
	prepare();
	char name[16];
	long count;
	while (scanf("%15s %ld", name, &count) == 2) {
		printf("%.3f\n", measure(name, count));
		fflush(stdout);
	}
	return 0;
}
