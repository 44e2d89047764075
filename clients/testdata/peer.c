/*
 * peer: a connection of kith.h, told by lines on stdin what to do. It answers each
 * line with one, or more where that is said.
 *
 *     peer dial|listen PATH RING LIMIT SPIN
 *
 *     send COUNT SIZE      that many messages
 *     add COUNT SIZE       the same, in batches of 16
 *     place COUNT SIZE     the same, written in place
 *     receive COUNT SIZE   and checks them
 *     lease COUNT SIZE     and checks them where they lie
 *     both COUNT SIZE      sends and receives at once
 *     echo COUNT           receives and sends back
 *     late COUNT           echo, but answers only when the peer is about to park
 *     vary COUNT           echo, but answers some nanoseconds sooner or later each time
 *     drive COUNT SIZE     sends each message, and receives the answer
 *     flood COUNT SIZE     sends, and says "parked" when there is no room
 *     starve COUNT SIZE    receives each message only when the peer is about to park for room
 *     parks                how often we have parked for data and room, and the peer
 *     half SIZE            the first piece of a message of that size
 *     commit SIZE          without a loan
 *     undo SIZE            a loan, then a message of that size by kith_send, then a commit
 *     more SIZE            a loan, then a commit of a byte too many
 *     goodbye, close, end
 *
 * Message i has at byte j the low bits of i + j + j/251.
 */
#define _GNU_SOURCE
#include "../c/kith.h"
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

static struct kith_conn conn;
static uint64_t count, size;

static void fill(uint8_t *at, uint64_t i, uint64_t length)
{
	for (uint64_t j = 0; j < length; j++)
		at[j] = (uint8_t)(i + j + j / 251);
}

static bool is_right(const uint8_t *at, uint64_t i, uint64_t length)
{
	for (uint64_t j = 0; j < length; j++)
		if (at[j] != (uint8_t)(i + j + j / 251))
			return false;
	return true;
}

static int64_t send_one(uint8_t *buffer, uint64_t i)
{
	fill(buffer, i, size);
	return kith_send(&conn, buffer, size);
}

static int64_t add_one(uint8_t *buffer, uint64_t i)
{
	fill(buffer, i, size);
	int error = kith_add(&conn, buffer, size);
	return error || ((i + 1) % 16 && i + 1 < count) ? error : kith_flush(&conn);
}

static int64_t place_one(uint8_t *buffer, uint64_t i)
{
	void *body;
	(void)buffer;
	int error = kith_reserve(&conn, size + 8 <= conn.out.size / 4 ? size + 8 : size, &body);
	if (error)
		return error;
	fill(body, i, size);
	return kith_commit(&conn, size);
}

static int64_t all(int64_t (*one)(uint8_t *, uint64_t))
{
	uint8_t *buffer = malloc(size + 1);
	int64_t error = 0;
	for (uint64_t i = 0; i < count && !error; i++)
		error = one(buffer, i);
	free(buffer);
	return error;
}

static int64_t take(int64_t (*receive)(struct kith_conn *, const void **), void (*before)(void))
{
	const void *message;
	for (uint64_t i = 0; i < count; i++) {
		if (before)
			before();
		int64_t length = receive(&conn, &message);
		if (length < 0)
			return length;
		if ((uint64_t)length != size || !is_right(message, i, size))
			return -EBADMSG;
		kith_release(&conn);
	}
	return 0;
}

static bool asked(uint64_t at) { return (atomic_load(kith_word(conn.peer, at)) & KITH_MODES) == KITH_ASKED; }

/* until_asked waits, but not for ever: the peer may have no need to park. */
static void until_asked(uint64_t at, int looks)
{
	for (int i = 0; i < looks && !asked(at); i++)
		sched_yield();
}

static void until_peer_starves(void) { until_asked(KITH_WANTS_ROOM_AT, 100); }

static int64_t echo(bool late)
{
	const void *message;
	for (uint64_t i = 0; i < count; i++) {
		int64_t error = kith_receive(&conn, &message);
		if (error < 0)
			return error;
		if (late)
			until_asked(KITH_WANTS_DATA_AT, 20000);
		for (uint64_t k = 0; late && k < i % 64; k++) /* meets the peer at another step each time */
			kith_pause();
		if ((error = kith_send(&conn, message, (size_t)error)) < 0)
			return error;
	}
	return 0;
}

static int64_t vary(void)
{
	const void *message;
	for (uint64_t i = 0; i < count; i++) {
		int64_t length = kith_receive(&conn, &message);
		if (length < 0)
			return length;
		for (volatile uint64_t k = 0; k < i * 7919 % 1000; k++)
			;
		int error = kith_send(&conn, message, (size_t)length);
		if (error)
			return error;
	}
	return 0;
}

static int64_t drive(void)
{
	uint8_t *buffer = malloc(size + 1);
	const void *message;
	int64_t error = 0;
	for (uint64_t i = 0; i < count && error >= 0; i++)
		if ((error = send_one(buffer, i)) >= 0 && (error = kith_receive(&conn, &message)) >= 0 && !is_right(message, i, size))
			error = -EBADMSG;
	free(buffer);
	return error;
}

static void *send_beside(void *result)
{
	*(int64_t *)result = all(send_one);
	return NULL;
}

static void answer(int64_t error)
{
	puts(error < 0 ? kith_strerror(error) : "ok");
	fflush(stdout);
}

static int64_t beside(int64_t (*meanwhile)(void))
{
	int64_t sent;
	pthread_t thread;
	if (pthread_create(&thread, NULL, send_beside, &sent))
		return -EAGAIN;
	int64_t error = meanwhile();
	pthread_join(thread, NULL);
	return error < 0 ? error : sent;
}

static int64_t receive_all(void) { return take(kith_receive, NULL); }

static int64_t watch_for_park(void)
{
	while ((atomic_load(conn.for_room.want) & KITH_MODES) != KITH_ASKED)
		sched_yield();
	puts("parked");
	fflush(stdout);
	return 0;
}

static void parks(void)
{
	uint64_t data = atomic_load(kith_word(conn.peer, KITH_WANTS_DATA_AT)) >> KITH_SEQUENCE_AT;
	uint64_t room = atomic_load(kith_word(conn.peer, KITH_WANTS_ROOM_AT)) >> KITH_SEQUENCE_AT;
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", conn.for_data.sequence, conn.for_room.sequence, data, room);
	fflush(stdout);
}

static int64_t half(void)
{
	uint64_t part = conn.out.size / 4;
	int error = kith_make_room(&conn, part);
	if (error)
		return error;
	memset(kith_body(&conn.out), 1, part);
	kith_append(&conn.out, KITH_PIECE, part);
	conn.cut = true;
	return kith_flush(&conn);
}

static int64_t commit(bool sends, uint64_t beyond)
{
	void *body;
	int error = kith_reserve(&conn, size, &body);
	if (error)
		return error;
	fill(body, 0, size);
	count = 1;
	int64_t sent = sends ? all(send_one) : 0;
	return sent ? sent : kith_commit(&conn, size + beyond);
}

static void obey(const char *verb)
{
	static const struct { const char *verb; int64_t (*one)(uint8_t *, uint64_t); } senders[] = {
		{"send", send_one}, {"add", add_one}, {"place", place_one},
	};
	int64_t (*one)(uint8_t *, uint64_t) = NULL;
	for (size_t i = 0; i < sizeof senders / sizeof *senders; i++)
		if (!strcmp(verb, senders[i].verb))
			one = senders[i].one;
	if (one)
		answer(all(one));
	else if (!strcmp(verb, "receive"))
		answer(take(kith_receive, NULL));
	else if (!strcmp(verb, "lease"))
		answer(take(kith_lease, NULL));
	else if (!strcmp(verb, "starve"))
		answer(take(kith_receive, until_peer_starves));
	else if (!strcmp(verb, "both"))
		answer(beside(receive_all));
	else if (!strcmp(verb, "flood"))
		answer(beside(watch_for_park));
	else if (!strcmp(verb, "echo") || !strcmp(verb, "late"))
		answer(echo(*verb == 'l'));
	else if (!strcmp(verb, "vary"))
		answer(vary());
	else if (!strcmp(verb, "drive"))
		answer(drive());
	else if (!strcmp(verb, "parks"))
		parks();
	else if (!strcmp(verb, "half"))
		answer(half());
	else if (!strcmp(verb, "commit"))
		answer(kith_commit(&conn, size));
	else if (!strcmp(verb, "undo"))
		answer(commit(true, 0));
	else if (!strcmp(verb, "more"))
		answer(commit(false, 1));
	else if (!strcmp(verb, "goodbye"))
		answer(kith_close_send(&conn));
	else if (!strcmp(verb, "close")) {
		kith_close(&conn);
		answer(0);
	} else
		answer(-EINVAL);
}

static int join(char **argv)
{
	struct kith_options o = {strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10), atoi(argv[5])};
	if (!strcmp(argv[1], "dial"))
		return kith_dial(&conn, argv[2], &o);
	int listener = kith_listen(argv[2]);
	if (listener < 0)
		return listener;
	puts("listening");
	fflush(stdout);
	int error = kith_accept(&conn, listener, &o);
	unlink(argv[2]);
	close(listener);
	return error;
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 2;
	alarm(600); /* is not left behind by a test that was killed */
	int error = join(argv);
	answer(error);
	char line[100], verb[20];
	while (!error && fgets(line, sizeof line, stdin)) {
		count = size = 0;
		sscanf(line, "%19s %" SCNu64 " %" SCNu64, verb, &count, &size);
		obey(verb);
	}
	return 0;
}
