/*
 * twin: the shm: transport's rings in plain C, as the measure for the Go ones.
 *
 *     cc -O2 -o twin twin.c
 *     twin MODE SIZE COUNT CPU_A CPU_B [RING [BATCH]]
 *
 * Two processes, each pinned to a CPU, talk over two memories laid out as
 * docs/layout.md has it, by the ring of kith.h and without its connection: they spin, and
 * never sleep. The leader prints one line of JSON with the time of an operation:
 *
 *     cacheline  one cache line goes there and back, with nothing around it
 *     rtt        a message of SIZE bytes and its answer
 *     oneway     a message of SIZE bytes, until the last one has been read
 *     batch      the same, BATCH of them published at once (16)
 *     inplace    the same as oneway, written and read where it lies in the ring
 *     passing    the same, neither written nor read, but for a look at its ends:
 *                what it costs to pass a message that is in its place already
 *
 * A message is written in full into a buffer and copied in, then copied out and read
 * in full: the same work as internal/compare does in Go. SIZE is a multiple of
 * 32, at most a quarter of RING: bytes, a power of two up to 8 MiB (256 KiB).
 */
#define _GNU_SOURCE
#include "kith.h"
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { DEFAULT_RING = 256 << 10, MOST_RING = 8 << 20, DEFAULT_BATCH = 16 };

static void die(const char *what)
{
	fprintf(stderr, "twin: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void die_of(const char *what, int error)
{
	fprintf(stderr, "twin: %s: %s\n", what, kith_strerror(error));
	exit(1);
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

static struct side { /* each process has its own after fork */
	struct kith_producer out;
	struct kith_consumer in;
	uint64_t words, count, batch;
	uint64_t *payload, *copy, ends;
} side;

struct memory { int fd; uint8_t *at; };

static struct memory make_memory(uint64_t ring)
{
	struct memory m;
	m.fd = kith_own(ring, &m.at);
	if (m.fd < 0)
		die_of("memory", m.fd);
	return m;
}

static void join(struct memory own, struct memory peer, uint64_t ring)
{
	uint8_t *theirs;
	int error = kith_map(peer.fd, ring, PROT_READ, &theirs);
	if (error)
		die_of("the peer's memory", error);
	uint64_t mapped = KITH_RING_AT + 2 * ring; /* all there before the clock runs, where Linux is 5.14 */
	madvise(own.at, mapped, MADV_POPULATE_WRITE);
	madvise(theirs, mapped, MADV_POPULATE_READ);
	side.out.ring = own.at + KITH_RING_AT;
	side.out.consumed = kith_word(theirs, KITH_CONSUMED_AT);
	side.in.ring = theirs + KITH_RING_AT;
	side.in.consumed = kith_word(own.at, KITH_CONSUMED_AT);
	side.out.size = side.in.size = ring;
}

static void await_room(uint64_t length)
{
	int room;
	while (!(room = kith_has_room(&side.out, kith_record(length))))
		kith_pause();
	if (room < 0)
		die_of("room", room);
}

static struct kith_seen await_record(void)
{
	struct kith_seen seen;
	int there;
	while (!(there = kith_look(&side.in, &seen)))
		kith_pause();
	if (there < 0)
		die_of("record", there);
	return seen;
}

static void put(uint64_t number)
{
	uint64_t length = side.words * 8;
	fill(side.payload, side.words, number);
	await_room(length);
	memcpy(kith_body(&side.out), side.payload, length);
	kith_put(&side.out, KITH_MESSAGE, length);
}

static void take(uint64_t number)
{
	struct kith_seen seen = await_record();
	if (seen.length > side.words * 8)
		die_of("record", KITH_PROTOCOL);
	memcpy(side.copy, seen.body, seen.length);
	kith_consume(&side.in, &seen);
	check(side.copy, side.words, seen.length, number);
}

static void sign(uint64_t kind)
{
	await_room(0);
	kith_put(&side.out, kind, 0);
}

static void await_sign(void)
{
	struct kith_seen seen = await_record();
	kith_consume(&side.in, &seen);
}

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
	sign(KITH_MESSAGE);
}

static void lead_batch(void)
{
	uint64_t length = side.words * 8;
	for (uint64_t i = 0; i < side.count; i++) {
		fill(side.payload, side.words, i);
		if (kith_has_room(&side.out, kith_record(length)) <= 0) {
			kith_publish(&side.out);
			await_room(length);
		}
		memcpy(kith_body(&side.out), side.payload, length);
		kith_append(&side.out, KITH_MESSAGE, length);
		if ((i + 1) % side.batch == 0)
			kith_publish(&side.out);
	}
	kith_publish(&side.out);
	await_sign();
}

static void lead_inplace(void)
{
	for (uint64_t i = 0; i < side.count; i++) {
		await_room(side.words * 8);
		fill((uint64_t *)(void *)kith_body(&side.out), side.words, i);
		kith_put(&side.out, KITH_MESSAGE, side.words * 8);
	}
	await_sign();
}

static void follow_inplace(void)
{
	for (uint64_t i = 0; i < side.count; i++) {
		struct kith_seen seen = await_record();
		check((const uint64_t *)(const void *)seen.body, side.words, seen.length, i);
		kith_consume(&side.in, &seen);
	}
	sign(KITH_MESSAGE);
}

static void lead_passing(void)
{
	for (uint64_t i = 0; i < side.count; i++) {
		await_room(side.words * 8);
		kith_put(&side.out, KITH_MESSAGE, side.words * 8);
	}
	await_sign();
}

static void follow_passing(void)
{
	for (uint64_t i = 0; i < side.count; i++) {
		struct kith_seen seen = await_record();
		if (seen.length != side.words * 8)
			die_of("record", KITH_PROTOCOL);
		if (seen.length) {
			const uint64_t *body = (const uint64_t *)(const void *)seen.body;
			side.ends += body[0] + body[side.words - 1];
		}
		kith_consume(&side.in, &seen);
	}
	sign(KITH_MESSAGE);
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
	{"batch", lead_batch, follow_oneway},
	{"inplace", lead_inplace, follow_inplace},
	{"passing", lead_passing, follow_passing},
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
static _Noreturn void follow(const struct mode *mode)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sign(KITH_MESSAGE);
	mode->follow();
	await_sign();
	_exit(0);
}

static double lead(const struct mode *mode)
{
	await_sign();
	double start = now();
	mode->lead();
	double elapsed = now() - start;
	signal(SIGCHLD, SIG_DFL);
	sign(KITH_GOODBYE);
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

static _Noreturn void refuse(const char *why)
{
	fprintf(stderr, "twin: %s\n", why);
	exit(2);
}

int main(int argc, char **argv)
{
	const struct mode *mode = NULL;
	for (size_t i = 0; argc >= 6 && argc <= 8 && i < sizeof modes / sizeof *modes; i++)
		if (!strcmp(argv[1], modes[i].name))
			mode = &modes[i];
	if (!mode)
		refuse("usage: twin cacheline|rtt|oneway|batch|inplace|passing SIZE COUNT CPU_A CPU_B [RING [BATCH]]");
	uint64_t ring = argc > 6 ? number(argv[6], MOST_RING) : DEFAULT_RING;
	if (!kith_ring_allowed(ring))
		refuse("RING is no power of two from 4096");
	uint64_t size = number(argv[2], ring / 4);
	if (size % 32)
		refuse("SIZE is not a multiple of 32");
	side.words = size / 8;
	side.count = number(argv[3], INT64_MAX);
	int cpu_a = (int)number(argv[4], CPU_SETSIZE - 1), cpu_b = (int)number(argv[5], CPU_SETSIZE - 1);
	side.batch = argc > 7 ? number(argv[7], INT64_MAX) : DEFAULT_BATCH;
	if (!side.batch)
		refuse("a BATCH of none");

	struct memory a = make_memory(ring), b = make_memory(ring);
	ball = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ball == MAP_FAILED)
		die("mmap");
	signal(SIGCHLD, child_died);
	pid_t child = fork();
	if (child < 0)
		die("fork");
	pin(child ? cpu_a : cpu_b);
	join(child ? a : b, child ? b : a, ring);
	if (!(side.payload = calloc(2, size + 64)))
		die("calloc");
	side.copy = side.payload + (size + 64) / 8;
	if (!child)
		follow(mode);
	double elapsed = lead(mode);
	int status;
	if (waitpid(child, &status, 0) != child || status != 0)
		die("follower");
	printf("{\"mode\":\"%s\",\"size\":%llu,\"count\":%llu,\"ns_per_op\":%.3f}\n", mode->name,
	       (unsigned long long)size, (unsigned long long)side.count, elapsed / (double)side.count);
	return 0;
}
