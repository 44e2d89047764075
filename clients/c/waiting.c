/*
 * waiting: select, poll and epoll in plain C, as the measure for kith's package poll.
 *
 *     cc -O2 -pthread -o waiting waiting.c
 *     waiting CPU BACKEND N
 *
 * It makes N eventfds and registers them with BACKEND: select, poll or epoll. Then it
 * says "ready", or why it cannot ("no: Too many open files"). It reads lines of a
 * word and a number, does it so often, and answers with a line: the nanoseconds each.
 *
 *     each      one source is written to, waited for and read: another one each time
 *     last      the same, always with the one that is looked at last
 *     beside    the write and the read alone
 *     blocked   a wait that another thread ends, to and fro
 *     register  N sources are registered anew; the time is that of one source
 *     late      by how much a wait of 300 us, in which nothing comes, is longer
 *
 * each, last, beside and register are CPU time of this thread, on the CPU with
 * that number; the others are time on the clock, on any CPU. BACKEND may also be
 * sleep, which knows late alone.
 *
 * An idle thread is beside: with two the kernel counts references to a descriptor in
 * each call, as it has to in any Go program. A wait looks without waiting, and
 * waits if nothing was there, as kith's does: who is to wait is entered at each
 * source by the kernel, which costs select and poll more than the look.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

enum { most = 64 }; /* events at once */

static int count, *sources;
static struct pollfd *polled;
static fd_set asked;
static int highest, epoll = -1;

static const struct timespec zero, soon = {.tv_nsec = 300000};

static void die(const char *what)
{
	fprintf(stderr, "waiting: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void refuse(void)
{
	printf("no: %s\n", strerror(errno));
	exit(0);
}

/* ---- the backends: register all, and wait for one; a wait returns its number, or -1 ---- */

static void register_select(void)
{
	FD_ZERO(&asked);
	highest = 0;
	for (int i = 0; i < count; i++) {
		if (sources[i] >= FD_SETSIZE) {
			errno = EMFILE;
			refuse();
		}
		FD_SET(sources[i], &asked);
		if (sources[i] > highest)
			highest = sources[i];
	}
}

static int wait_select(const struct timespec *timeout)
{
	fd_set got = asked;
	int found = pselect(highest + 1, &got, NULL, NULL, timeout, NULL);
	if (found < 0)
		die("pselect");
	for (int i = 0; found > 0 && i < count; i++)
		if (FD_ISSET(sources[i], &got))
			return i;
	return -1;
}

static void register_poll(void)
{
	for (int i = 0; i < count; i++)
		polled[i] = (struct pollfd){.fd = sources[i], .events = POLLIN};
}

static int wait_poll(const struct timespec *timeout)
{
	int found = ppoll(polled, (nfds_t)count, timeout, NULL);
	if (found < 0)
		die("ppoll");
	for (int i = 0; found > 0 && i < count; i++)
		if (polled[i].revents)
			return i;
	return -1;
}

static void register_epoll(void)
{
	if (epoll >= 0)
		close(epoll);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		refuse();
	for (int i = 0; i < count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, sources[i], &event) < 0)
			refuse();
	}
}

static int wait_epoll(const struct timespec *timeout)
{
	struct epoll_event events[most];
	int found;
	if (!timeout || timeout == &zero)
		found = epoll_wait(epoll, events, most, timeout ? 0 : -1);
	else
		found = epoll_pwait2(epoll, events, most, timeout, NULL);
	if (found < 0)
		die("epoll_wait");
	return found > 0 ? (int)events[0].data.u32 : -1;
}

static int sleep_for(const struct timespec *timeout)
{
	if (timeout != &soon || clock_nanosleep(CLOCK_MONOTONIC, 0, timeout, NULL)) {
		errno = EINVAL;
		die("sleep");
	}
	return -1;
}

static void register_nothing(void) {}

static const struct backend {
	const char *name;
	void (*enter)(void);
	int (*wait)(const struct timespec *timeout);
} backends[] = {
	{"select", register_select, wait_select},
	{"poll", register_poll, wait_poll},
	{"epoll", register_epoll, wait_epoll},
	{"sleep", register_nothing, sleep_for},
};
static const struct backend *backend;

/* wait_for looks, and waits if nothing is there. */
static int wait_for(void)
{
	int got = backend->wait(&zero);
	return got >= 0 ? got : backend->wait(NULL);
}

/* ---- what is measured ---- */

static int cpu;
static cpu_set_t everywhere;
static int next; /* the source whose turn it is */

static void stay(const cpu_set_t *cpus)
{
	if (sched_setaffinity(0, sizeof *cpus, cpus) < 0)
		die("sched_setaffinity");
}

static double now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void say(int fd)
{
	uint64_t value = 1;
	if (write(fd, &value, sizeof value) != sizeof value)
		die("write");
}

static void hear(int fd)
{
	uint64_t value;
	if (read(fd, &value, sizeof value) != sizeof value)
		die("read");
}

/* step is a prime, so that each source has its turn (unless N is one of its multiples), and far: the sources take turns. */
enum { step = 7919 };

static void turn(long times, int by, int wait)
{
	while (times--) {
		say(sources[next]);
		if (wait && wait_for() != next) {
			errno = EPROTO;
			die("another source came");
		}
		hear(sources[next]);
		next = (next + by) % count;
	}
}

static void do_each(long times) { turn(times, step, 1); }
static void do_beside(long times) { turn(times, step, 0); }

static void do_last(long times)
{
	next = count - 1;
	turn(times, 0, 1);
}

static void do_register(long times)
{
	while (times--)
		backend->enter();
}

static int ask;

static void *answer(void *nothing)
{
	stay(&everywhere);
	for (;;) {
		hear(ask);
		say(sources[0]);
	}
	return nothing;
}

static void do_blocked(long times)
{
	while (times--) {
		say(ask);
		if (wait_for() != 0) {
			errno = EPROTO;
			die("another source came");
		}
		hear(sources[0]);
	}
}

static void do_late(long times)
{
	while (times--)
		if (backend->wait(&soon) >= 0) {
			errno = EPROTO;
			die("something came");
		}
}

static const struct measure {
	const char *name;
	void (*make)(long times);
	clockid_t clock;
	double beyond; /* what a call takes by intent */
} measures[] = {
	{"each", do_each, CLOCK_THREAD_CPUTIME_ID, 0},
	{"last", do_last, CLOCK_THREAD_CPUTIME_ID, 0},
	{"beside", do_beside, CLOCK_THREAD_CPUTIME_ID, 0},
	{"register", do_register, CLOCK_THREAD_CPUTIME_ID, 0},
	{"blocked", do_blocked, CLOCK_MONOTONIC, 0},
	{"late", do_late, CLOCK_MONOTONIC, 300000},
};

static void settle(clockid_t clock)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	stay(clock == CLOCK_MONOTONIC ? &everywhere : &one);
}

static double measure(const char *name, long times)
{
	for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
		const struct measure *m = &measures[i];
		if (strcmp(name, m->name))
			continue;
		settle(m->clock);
		double start = now(m->clock);
		m->make(times);
		double each = (now(m->clock) - start) / (double)times - m->beyond;
		return m->make == do_register ? each / count : each;
	}
	errno = EINVAL;
	die(name);
	return 0;
}

/* ---- the program ---- */

static void *idle(void *nothing)
{
	for (;;)
		pause();
	return nothing;
}

static void thread(void *(*run)(void *))
{
	pthread_t started;
	if (pthread_create(&started, NULL, run, NULL))
		die("pthread_create");
}

/* open_sources has as many descriptors as the process may. */
static void open_sources(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("setrlimit");
	sources = calloc((size_t)count, sizeof *sources);
	polled = calloc((size_t)count, sizeof *polled);
	if (!sources || !polled)
		refuse();
	for (int i = 0; i < count; i++)
		if ((sources[i] = eventfd(0, EFD_CLOEXEC)) < 0)
			refuse();
	if ((ask = eventfd(0, EFD_CLOEXEC)) < 0)
		refuse();
}

static const struct backend *find(const char *name)
{
	for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
		if (!strcmp(name, backends[i].name))
			return &backends[i];
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc == 4) {
		backend = find(argv[2]);
		count = atoi(argv[3]);
	}
	if (!backend || count < 1) {
		fputs("usage: waiting CPU select|poll|epoll|sleep N\n", stderr);
		return 2;
	}
	cpu = atoi(argv[1]);
	if (sched_getaffinity(0, sizeof everywhere, &everywhere) < 0)
		die("sched_getaffinity");
	open_sources();
	backend->enter();
	thread(idle);
	thread(answer);
	puts("ready");
	fflush(stdout);
	char name[16];
	long times;
	while (scanf("%15s %ld", name, &times) == 2) {
		printf("%.3f\n", measure(name, times));
		fflush(stdout);
	}
	return 0;
}
