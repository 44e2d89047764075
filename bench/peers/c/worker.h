/*
 * worker.h: what every worker in C and C++ has in common, word for word what
 * worker.go and payload.go do in Go.
 *
 *     PROGRAM lead|follow PLACE
 *
 * PLACE is a private directory in which the two meet, and its last element a name
 * that is free on this machine. The follower says "listening" when the leader can
 * come. Both say "ready VERSION" when they have talked. Then each reads orders,
 *
 *     rtt SIZE COUNT        COUNT messages of SIZE bytes, an answer to each
 *     oneway SIZE COUNT     COUNT messages, until the last has been read
 *
 * does its half, and says "done NS": the leader the time of a message, or the
 * median of the round trips. The end of the orders is the end of the program.
 *
 * A program includes this file, defines the functions declared here, and ends with
 * int main(int argc, char **argv) { return work(argc, argv); }
 */
#ifndef KITH_BENCH_WORKER_H
#define KITH_BENCH_WORKER_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "payload.h"

/* The sizes that are measured, in bytes. A message of the meeting has the first. */
static const size_t sizes[] = {64, 64 << 10, 1 << 20};
enum { SIZES = sizeof sizes / sizeof *sizes, LARGEST = 1 << 20 };

static void listen_at(const char *place); /* the follower's: returns when the leader can come */
static void dial(const char *place);      /* the leader's */
static void met(void);                    /* both have talked: the place may lose its name */
static void put(uint64_t number, size_t size);  /* writes message number in full, and sends it */
static void take(uint64_t number, size_t size); /* waits for it, and reads it in full */
static void part(void);                   /* gives everything back */
static const char *version(void);

/* ---- the measurements ---- */

static inline double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline int compare_times(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* lead_rtt returns the median round trip. */
static inline double lead_rtt(size_t size, uint64_t count)
{
	uint32_t *times = (uint32_t *)malloc(count * sizeof *times);
	if (!times)
		die("malloc", strerror(errno));
	double last = now();
	for (uint64_t i = 0; i < count; i++) {
		put(2 * i, size);
		take(2 * i + 1, size);
		double at = now();
		times[i] = at - last < UINT32_MAX ? (uint32_t)(at - last) : UINT32_MAX;
		last = at;
	}
	qsort(times, count, sizeof *times, compare_times);
	double median = times[count / 2];
	free(times);
	return median;
}

static inline void follow_rtt(size_t size, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		take(2 * i, size);
		put(2 * i + 1, size);
	}
}

static inline double lead_oneway(size_t size, uint64_t count)
{
	double start = now();
	for (uint64_t i = 0; i < count; i++)
		put(i, size);
	take(count, sizes[0]);
	return (now() - start) / (double)count;
}

static inline void follow_oneway(size_t size, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		take(i, size);
	put(count, sizes[0]);
}

/* lead starts its clock when the follower says, by a message, that it is there. */
static inline double lead(bool rtt, size_t size, uint64_t count)
{
	take(0, sizes[0]);
	return rtt ? lead_rtt(size, count) : lead_oneway(size, count);
}

static inline double follow(bool rtt, size_t size, uint64_t count)
{
	put(0, sizes[0]);
	if (rtt)
		follow_rtt(size, count);
	else
		follow_oneway(size, count);
	return 0;
}

static inline int work(int argc, char **argv)
{
	bool leads = argc == 3 && !strcmp(argv[1], "lead");
	if (!leads && (argc != 3 || strcmp(argv[1], "follow")))
		die("usage", "PROGRAM lead|follow PLACE");
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (leads) {
		dial(argv[2]);
		put(0, sizes[0]);
		take(1, sizes[0]);
	} else {
		listen_at(argv[2]);
		puts("listening");
		take(0, sizes[0]);
		put(1, sizes[0]);
	}
	met();
	printf("ready %s\n", version());

	char line[128], what[16];
	unsigned long long size, count;
	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "%15s %llu %llu", what, &size, &count) != 3 || size > LARGEST || !count || size % 32)
			die("order", line);
		bool rtt = !strcmp(what, "rtt");
		printf("done %.3f\n", leads ? lead(rtt, size, count) : follow(rtt, size, count));
	}
	part();
	return 0;
}

#endif
