/*
 * payload.h: what a message holds, word for word that of payload.go: 64-bit words, base,
 * base + 1 ..., where base follows from the number of the message. So every byte is
 * written anew for every message, and who adds the words up has read them all and knows
 * what the sum must be.
 */
#ifndef KITH_BENCH_PAYLOAD_H
#define KITH_BENCH_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static inline void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static inline uint64_t base(uint64_t number) { return number * UINT64_C(0x9e3779b97f4a7c15); }

/* fill writes message number; size is a multiple of 32. */
static inline void fill(void *payload, size_t size, uint64_t number)
{
	uint64_t *word = (uint64_t *)payload, value = base(number);
	for (size_t i = 0; i < size / 8; i += 4, value += 4) {
		word[i] = value;
		word[i + 1] = value + 1;
		word[i + 2] = value + 2;
		word[i + 3] = value + 3;
	}
}

/* check reads every word of what came, and dies unless it is message number. */
static inline void check(const void *payload, size_t length, size_t size, uint64_t number)
{
	const uint64_t *word = (const uint64_t *)payload;
	uint64_t a = 0, b = 0, c = 0, d = 0, words = size / 8;
	if (length != size)
		die("check", "a message arrived with another length");
	for (size_t i = 0; i < words; i += 4) {
		a += word[i];
		b += word[i + 1];
		c += word[i + 2];
		d += word[i + 3];
	}
	if (a + b + c + d != words * base(number) + words * (words - 1) / 2)
		die("check", "a message arrived changed");
}

#endif
