/*
 * twin: the shm: transport's rings in plain C, as the measure for the Go ones.
 *
 *     cc -O2 -o twin twin.c
 *     twin cacheline|rtt|oneway SIZE COUNT CPU_A CPU_B
 *
 * Two processes, each pinned to a CPU, talk over two segments laid out as
 * docs/layout.md has it; each writes its own segment only. They spin, and never
 * sleep. The leader prints one line of JSON with the time of an operation:
 *
 *     cacheline  one cache line goes there and back, with nothing around it
 *     rtt        a message of SIZE bytes and its answer
 *     oneway     a message of SIZE bytes, until the last one has been read
 *
 * Every message is written in full into a buffer and copied in, then copied out
 * and read in full: the same work as internal/compare does in Go. SIZE is a
 * multiple of 32, at most a quarter of the ring.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	RING = 256 << 10,   /* bytes; a power of two */
	CONTROL = 4096,     /* what lies before the ring */
	CONSUMED_AT = 128,  /* how far this side has read the other's ring */
	HEADER = 8,
	MAX_BODY = RING / 4,
	MESSAGE = 1,        /* kinds of record */
	GOODBYE = 3,
};

static void die(const char *what)
{
	fprintf(stderr, "twin: %s: %s\n", what, strerror(errno));
	exit(1);
}

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* ---- segments ---- */

static int make_segment(void)
{
	int fd = memfd_create("kith-twin", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, CONTROL + RING) < 0)
		die("memfd");
	return fd;
}

/* map_segment maps the control page, then the ring twice in a row, so that a
 * record is never cut in two. */
static uint8_t *map_segment(int fd, int protection)
{
	uint8_t *at = mmap(NULL, CONTROL + 2 * RING, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED ||
	    mmap(at, CONTROL + RING, protection, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) == MAP_FAILED ||
	    mmap(at + CONTROL + RING, RING, protection, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, CONTROL) == MAP_FAILED)
		die("mmap");
	return at;
}

static _Atomic uint64_t *word(uint8_t *memory, uint64_t offset)
{
	return (_Atomic uint64_t *)(memory + offset);
}

static uint64_t record_size(uint64_t body) { return (HEADER + body + 7) & ~UINT64_C(7); }

/* ---- one direction each ---- */

struct producer {
	uint8_t *ring;              /* our own, twice */
	_Atomic uint64_t *consumed; /* the peer's: how far it has read */
	uint64_t tail, head;        /* positions: ours, and the peer's when last seen */
};

struct consumer {
	uint8_t *ring;              /* the peer's, twice */
	_Atomic uint64_t *consumed; /* our own: how far we have read */
	uint64_t head, told;
};

static bool has_room(const struct producer *p, uint64_t size)
{
	return RING - (p->tail - p->head) >= size + HEADER; /* one header is always free */
}

static void send_record(struct producer *p, uint64_t kind, const void *body, uint64_t length)
{
	uint64_t size = record_size(length), at = p->tail & (RING - 1);
	while (!has_room(p, size)) {
		p->head = atomic_load_explicit(p->consumed, memory_order_acquire);
		if (!has_room(p, size))
			pause_cpu();
	}
	memcpy(p->ring + at + HEADER, body, length);
	atomic_store_explicit(word(p->ring, at + size), 0, memory_order_relaxed);
	atomic_store_explicit(word(p->ring, at), kind << 56 | length, memory_order_release);
	p->tail += size;
}

/* receive_record copies the next record's body to body, which holds MAX_BODY. */
static uint64_t receive_record(struct consumer *c, void *body)
{
	uint64_t at = c->head & (RING - 1), header;
	while (!(header = atomic_load_explicit(word(c->ring, at), memory_order_acquire)))
		pause_cpu();
	uint64_t length = header & ((UINT64_C(1) << 56) - 1);
	if (length > MAX_BODY) {
		errno = EPROTO;
		die("record");
	}
	memcpy(body, c->ring + at + HEADER, length);
	c->head += record_size(length);
	if (c->head - c->told >= RING / 8) { /* leave the peer's cache line in peace meanwhile */
		c->told = c->head;
		atomic_store_explicit(c->consumed, c->told, memory_order_release);
	}
	return length;
}

/* ---- payloads, word for word those of internal/compare/payload.go ---- */

static uint64_t base(uint64_t number) { return number * UINT64_C(0x9e3779b97f4a7c15); }

static void fill(uint64_t *payload, uint64_t words, uint64_t number)
{
	uint64_t value = base(number);
	for (uint64_t i = 0; i < words; i += 4, value += 4) {
		payload[i] = value;
		payload[i + 1] = value + 1;
		payload[i + 2] = value + 2;
		payload[i + 3] = value + 3;
	}
}

static void check(const uint64_t *payload, uint64_t words, uint64_t length, uint64_t number)
{
	uint64_t a = 0, b = 0, c = 0, d = 0;
	for (uint64_t i = 0; i < words; i += 4) {
		a += payload[i];
		b += payload[i + 1];
		c += payload[i + 2];
		d += payload[i + 3];
	}
	if (length != words * 8 || a + b + c + d != words * base(number) + words * (words - 1) / 2) {
		errno = EPROTO;
		die("message changed");
	}
}

/* ---- the two sides ---- */

struct side {
	struct producer out;
	struct consumer in;
	uint64_t words, count;
	uint64_t payload[MAX_BODY / 8], copy[MAX_BODY / 8];
};

static struct side side; /* each process has its own after fork */

static void join(int own, int peer, uint64_t size, uint64_t count)
{
	uint8_t *mine = map_segment(own, PROT_READ | PROT_WRITE), *theirs = map_segment(peer, PROT_READ);
	memcpy(mine, "kithring", 8);
	atomic_store(word(mine, 8), RING);
	side.out.ring = mine + CONTROL;
	side.out.consumed = word(theirs, CONSUMED_AT);
	side.in.ring = theirs + CONTROL;
	side.in.consumed = word(mine, CONSUMED_AT);
	side.words = size / 8;
	side.count = count;
}

static void put(uint64_t number)
{
	fill(side.payload, side.words, number);
	send_record(&side.out, MESSAGE, side.payload, side.words * 8);
}

static void take(uint64_t number)
{
	uint64_t length = receive_record(&side.in, side.copy);
	check(side.copy, side.words, length, number);
}

static void sign(uint64_t kind) { send_record(&side.out, kind, "", 0); }
static void await_sign(void) { receive_record(&side.in, side.copy); }

static void lead_rtt(void)
{
	for (uint64_t i = 0; i < side.count; i++) {
		put(2 * i);
		take(2 * i + 1);
	}
}

static void follow_rtt(void)
{
	for (uint64_t i = 0; i < side.count; i++) {
		take(2 * i);
		put(2 * i + 1);
	}
}

static void lead_oneway(void)
{
	for (uint64_t i = 0; i < side.count; i++)
		put(i);
	await_sign();
}

static void follow_oneway(void)
{
	for (uint64_t i = 0; i < side.count; i++)
		take(i);
	sign(MESSAGE);
}

static _Atomic uint64_t *ball; /* a cache line that both sides write */

static void lead_cacheline(void)
{
	for (uint64_t i = 1; i <= side.count; i++) {
		atomic_store_explicit(ball, 2 * i - 1, memory_order_release);
		while (atomic_load_explicit(ball, memory_order_acquire) != 2 * i)
			;
	}
}

static void follow_cacheline(void)
{
	for (uint64_t i = 1; i <= side.count; i++) {
		while (atomic_load_explicit(ball, memory_order_acquire) != 2 * i - 1)
			;
		atomic_store_explicit(ball, 2 * i, memory_order_release);
	}
}

/* ---- the program ---- */

static const struct mode {
	const char *name;
	void (*lead)(void), (*follow)(void);
} modes[] = {
	{"cacheline", lead_cacheline, follow_cacheline},
	{"rtt", lead_rtt, follow_rtt},
	{"oneway", lead_oneway, follow_oneway},
};

static void pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set) < 0)
		die("sched_setaffinity");
}

static void child_died(int signal)
{
	static const char words[] = "twin: the follower died\n";
	(void)signal;
	(void)!write(2, words, sizeof words - 1);
	_exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* follow is the child: ready, its half, and the leader's goodbye. */
static void follow(const struct mode *mode, int own, int peer, uint64_t size, uint64_t count, int cpu)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(cpu);
	join(own, peer, size, count);
	sign(MESSAGE);
	mode->follow();
	await_sign();
	_exit(0);
}

static double lead(const struct mode *mode, int own, int peer, uint64_t size, uint64_t count, int cpu)
{
	pin(cpu);
	join(own, peer, size, count);
	await_sign();
	double start = now();
	mode->lead();
	double elapsed = now() - start;
	signal(SIGCHLD, SIG_DFL);
	sign(GOODBYE);
	return elapsed;
}

static uint64_t number(const char *text, uint64_t most)
{
	char *end;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno || end == text || *end || n > most) {
		fprintf(stderr, "twin: %s is not a number up to %llu\n", text, (unsigned long long)most);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	const struct mode *mode = NULL;
	for (size_t i = 0; argc == 6 && i < sizeof modes / sizeof *modes; i++)
		if (!strcmp(argv[1], modes[i].name))
			mode = &modes[i];
	if (!mode) {
		fputs("usage: twin cacheline|rtt|oneway SIZE COUNT CPU_A CPU_B\n", stderr);
		return 2;
	}
	uint64_t size = number(argv[2], MAX_BODY), count = number(argv[3], INT64_MAX);
	int cpu_a = (int)number(argv[4], CPU_SETSIZE - 1), cpu_b = (int)number(argv[5], CPU_SETSIZE - 1);
	if (size % 32) {
		fputs("twin: SIZE is not a multiple of 32\n", stderr);
		return 2;
	}

	int a = make_segment(), b = make_segment();
	ball = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ball == MAP_FAILED)
		die("mmap");
	signal(SIGCHLD, child_died);
	pid_t child = fork();
	if (child < 0)
		die("fork");
	if (child == 0)
		follow(mode, b, a, size, count, cpu_b);
	double elapsed = lead(mode, a, b, size, count, cpu_a);
	int status;
	if (waitpid(child, &status, 0) != child || status != 0)
		die("follower");
	printf("{\"mode\":\"%s\",\"size\":%llu,\"count\":%llu,\"ns_per_op\":%.3f}\n", mode->name,
	       (unsigned long long)size, (unsigned long long)count, elapsed / (double)count);
	return 0;
}
