/*
 * kith.h: a peer of kith's shm: transport in C11, for Linux. One header, no library:
 *
 *     #define _GNU_SOURCE
 *     #include "kith.h"                             cc -std=c11 -O2 program.c
 *
 * A connection carries messages, whole and in order, both ways, between two processes
 * of one machine through shared memory. The other side may be this header again or Go:
 * kith.Listen(ctx, "shm:/run/x.sock") and kith_dial(&c, "/run/x.sock", NULL) meet.
 *
 *     struct kith_conn c;
 *     int err = kith_dial(&c, "/run/x.sock", NULL);            or kith_listen, kith_accept
 *     err = kith_send(&c, "hello", 5);
 *     int64_t length = kith_receive(&c, &bytes);               KITH_EOF at the end
 *     kith_close(&c);
 *
 * Every call returns 0 or more, or a negative error: -errno or one of KITH_…; kith_strerror
 * names both. Lengths are bytes. At a time one thread may send and one may receive
 * on a connection; nobody may be in a call when it is closed. A connection holds pointers
 * to itself nowhere and may be moved between calls. There is no global state, and no
 * signal is raised (SIGPIPE). A child of fork may not use its parent's connections.
 *
 * The peer is not trusted: it can send wrong messages, and change the bytes of a lease while
 * they are read, but nothing that it writes leads out of the rings or ends this process.
 *
 * What lies in the memory is in docs/layout.md. This file follows its order:
 *
 *     1. layout       constants and the hello
 *     2. the ring     producer and consumer: no system call. Enough for who brings the memory
 *     3. waiting      spin, announce, park; and the knock that ends it
 *     4. handshake    memory made, sealed, passed, checked, mapped
 *     5. connection   what a program calls
 */
#ifndef KITH_H
#define KITH_H

#ifndef _GNU_SOURCE
#error "define _GNU_SOURCE before the first include"
#endif

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum {
	KITH_EOF = -10001,       /* the peer said goodbye: everything that it sent has been received */
	KITH_DIED = -10002,      /* the peer ended without a goodbye; what it had sent has been received */
	KITH_PROTOCOL = -10003,  /* the peer is no kith, or breaks the layout: close the connection */
	KITH_MISMATCH = -10004,  /* a peer of another version, byte order or transport */
	KITH_TOO_LARGE = -10005, /* a message larger than one of the two sides takes */
};

/* kith_strerror describes an error. The text is static, or strerror's. */
static inline const char *kith_strerror(int64_t error)
{
	switch (error) {
	case KITH_EOF: return "the peer closed the connection";
	case KITH_DIED: return "the peer died";
	case KITH_PROTOCOL: return "the peer broke the protocol";
	case KITH_MISMATCH: return "the peer speaks another version or transport";
	case KITH_TOO_LARGE: return "the message is too large";
	default: return strerror(error < 0 && error > -4096 ? (int)-error : 0);
	}
}

/* ---- 1. layout ---- */

#define KITH_HELLO_MAGIC "kith\r\n\x1a\n"
#define KITH_RING_MAGIC "kithring"

enum {
	KITH_VERSION = 1,
	KITH_CONN = 1,           /* exchange */
	KITH_SHARED_MEMORY = 2,  /* form */

	KITH_MAGIC_AT = 0,       /* bytes into a memfd */
	KITH_RING_SIZE_AT = 8,
	KITH_CONSUMED_AT = 128,  /* how far its maker has read the other's ring */
	KITH_WANTS_DATA_AT = 256,
	KITH_WANTS_ROOM_AT = 384,
	KITH_RING_AT = 4096,

	KITH_RING_LEAST = 4 << 10,
	KITH_RING_MOST = 1 << 30,
	KITH_MESSAGE_MOST = 1 << 30,

	KITH_HEADER = 8,
	KITH_MESSAGE = 1,        /* kinds of record */
	KITH_PIECE = 2,
	KITH_GOODBYE = 3,

	KITH_NOBODY = 0,         /* modes of a want word */
	KITH_ASKED = 1,
	KITH_CLOSED = 2,
	KITH_MODES = 3,
	KITH_FENCE = 4,          /* a flag beside them */
	KITH_SEQUENCE_AT = 3,    /* the bit where the sequence number begins */
};

/* A hello is a packet of 64 bytes; its numbers are little-endian. */
struct kith_hello {
	uint8_t magic[8];
	uint8_t order, oldest, newest, exchange, form, barrier, zero14[2];
	uint32_t refusal, zero20;
	uint64_t limit, packet, ring, session, zero56;
};
_Static_assert(sizeof(struct kith_hello) == 64, "no padding");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a word of 64 bits is one access");

static inline _Atomic uint64_t *kith_word(const uint8_t *memory, uint64_t at)
{
	return (_Atomic uint64_t *)(uintptr_t)(memory + at);
}

/* kith_record is the size of a record with this body in the ring. */
static inline uint64_t kith_record(uint64_t body) { return (KITH_HEADER + body + 7) & ~UINT64_C(7); }

/* ---- 2. the ring ----
 *
 * Both are for one thread at a time. Positions count bytes from the beginning of the
 * connection. Rings are mapped twice in a row, so a record is contiguous.
 */

/* A producer writes its own ring. What it has written from shown to tail is held back: the peer
 * sees none of it before kith_publish. */
struct kith_producer {
	uint8_t *ring;                    /* our own, writable, twice */
	uint64_t size;                    /* of it, bytes; a power of two */
	const _Atomic uint64_t *consumed; /* the peer's word */
	uint64_t tail, head;              /* ours, and consumed when last seen */
	uint64_t shown, held;             /* the first record held back: its position and header */
	bool fenced;                      /* not both sides make barriers: publish by seq_cst */
};

/* kith_has_room looks whether a record fits: 1, 0 or KITH_PROTOCOL. */
static inline int kith_has_room(struct kith_producer *p, uint64_t record)
{
	uint64_t free = p->size - KITH_HEADER; /* a header is always free */
	if (p->tail - p->head + record <= free)
		return 1;
	uint64_t consumed = atomic_load_explicit(p->consumed, memory_order_seq_cst);
	if (consumed - p->head > p->shown - p->head || consumed % 8)
		return KITH_PROTOCOL;
	p->head = consumed;
	return p->tail - p->head + record <= free;
}

/* kith_body is where the body of the next record goes, if there is room for it. */
static inline uint8_t *kith_body(const struct kith_producer *p)
{
	return p->ring + (p->tail & (p->size - 1)) + KITH_HEADER;
}

/* kith_show publishes a header: from here on the record exists. */
static inline void kith_show(const struct kith_producer *p, uint64_t at, uint64_t header)
{
	if (p->fenced)
		atomic_store_explicit(kith_word(p->ring, at), header, memory_order_seq_cst);
	else
		atomic_store_explicit(kith_word(p->ring, at), header, memory_order_release);
}

/* kith_append ends the record whose body is written, and holds it back. */
static inline void kith_append(struct kith_producer *p, uint64_t kind, uint64_t length)
{
	uint64_t header = kind << 56 | length;
	if (p->tail == p->shown)
		p->held = header;
	else
		atomic_store_explicit(kith_word(p->ring, p->tail & (p->size - 1)), header, memory_order_relaxed);
	p->tail += kith_record(length);
}

/* kith_publish shows the peer all that is held back, by one store. */
static inline void kith_publish(struct kith_producer *p)
{
	if (p->tail == p->shown)
		return;
	atomic_store_explicit(kith_word(p->ring, p->tail & (p->size - 1)), 0, memory_order_relaxed);
	kith_show(p, p->shown & (p->size - 1), p->held);
	p->shown = p->tail;
}

/* kith_put is both, for one record while nothing is held back. */
static inline void kith_put(struct kith_producer *p, uint64_t kind, uint64_t length)
{
	uint64_t at = p->tail & (p->size - 1), record = kith_record(length);
	atomic_store_explicit(kith_word(p->ring, at + record), 0, memory_order_relaxed);
	kith_show(p, at, kind << 56 | length);
	p->shown = p->tail += record;
}

/* kith_say_goodbye takes the header that is always free. Nothing may follow it. */
static inline void kith_say_goodbye(struct kith_producer *p)
{
	kith_publish(p);
	kith_show(p, p->tail & (p->size - 1), (uint64_t)KITH_GOODBYE << 56);
}

/* A consumer reads the peer's ring. */
struct kith_consumer {
	const uint8_t *ring;       /* the peer's, read-only, twice */
	uint64_t size;             /* of it, bytes; a power of two */
	_Atomic uint64_t *consumed; /* our own word */
	uint64_t head, told;       /* how far we have read, and what consumed says */
};

/* A record as it was when its header was checked: the peer can change the body still. */
struct kith_seen {
	const uint8_t *body; /* in the ring, until kith_consume */
	uint64_t length;
	uint8_t kind;
};

/* kith_look is 1 and the next record, 0 if there is none yet, or KITH_PROTOCOL. */
static inline int kith_look(const struct kith_consumer *c, struct kith_seen *seen)
{
	const uint8_t *at = c->ring + (c->head & (c->size - 1));
	uint64_t header = atomic_load_explicit(kith_word(at, 0), memory_order_seq_cst);
	if (!header)
		return 0;
	seen->body = at + KITH_HEADER;
	seen->length = header & ((UINT64_C(1) << 56) - 1);
	seen->kind = (uint8_t)(header >> 56);
	if (seen->length > c->size / 4 || seen->kind < KITH_MESSAGE || seen->kind > KITH_GOODBYE ||
	    (seen->kind == KITH_PIECE && !seen->length) || (seen->kind == KITH_GOODBYE && seen->length))
		return KITH_PROTOCOL;
	return 1;
}

/* kith_tell lets the peer have the room of all that was consumed. */
static inline void kith_tell(struct kith_consumer *c)
{
	c->told = c->head;
	atomic_store_explicit(c->consumed, c->told, memory_order_seq_cst);
}

/* kith_consume goes on to the next record. It tells the peer once for an eighth of the ring, and
 * says if it did: that leaves the cache line in peace meanwhile, and an empty ring has room for any
 * record as it is. */
static inline bool kith_consume(struct kith_consumer *c, const struct kith_seen *seen)
{
	c->head += kith_record(seen->length);
	if (c->head - c->told < c->size / 8)
		return false;
	kith_tell(c);
	return true;
}

/* ---- 3. waiting ----
 *
 * A want word is a sequence number above a flag and two bits of mode. The waiter announces that
 * it parks, and looks once more; the notifier stores, and looks whether somebody asked. That
 * takes a fence on either side; where both processes have registered for membarrier, the
 * waiter's is one for both, and the notifier is spared its own.
 */

/* A notifier is the side that another waits for. */
struct kith_notifier {
	int fd;                       /* the socket that the peer parks at */
	const _Atomic uint64_t *want; /* the peer's word */
	uint64_t answered;
};

/* A waiter parks when it has spun in vain. */
struct kith_waiter {
	int fd;
	_Atomic uint64_t *want; /* our own word */
	uint64_t sequence;
	int spin;               /* looks before it parks */
	bool fenced, ended;     /* as the producer's; the peer's end was seen */
};

/* kith_has_closed reports whether nobody will wait there again. */
static inline bool kith_has_closed(const struct kith_notifier *n)
{
	return (atomic_load_explicit(n->want, memory_order_seq_cst) & KITH_MODES) >= KITH_CLOSED;
}

/* kith_notify comes after every store that a peer may wait for. It is KITH_DIED where the peer is
 * not there any more. It never blocks: a full socket is full of knocks. */
static inline int kith_notify(struct kith_notifier *n)
{
	atomic_signal_fence(memory_order_seq_cst); /* the compiler, too, leaves store and load in order */
	uint64_t want = atomic_load_explicit(n->want, memory_order_seq_cst);
	if (want & KITH_FENCE) {
		atomic_thread_fence(memory_order_seq_cst);
		want = atomic_load_explicit(n->want, memory_order_seq_cst);
	}
	if ((want & KITH_MODES) == KITH_NOBODY || want == n->answered)
		return 0;
	n->answered = want;
	if ((want & KITH_MODES) != KITH_ASKED)
		return KITH_DIED;
	bool gone = send(n->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && (errno == EPIPE || errno == ECONNRESET);
	return gone ? KITH_DIED : 0;
}

static inline void kith_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static inline int kith_membarrier(int command) { return (int)syscall(SYS_membarrier, command, 0, 0); }

static inline void kith_announce(struct kith_waiter *w, int mode)
{
	atomic_store_explicit(w->want, w->sequence << KITH_SEQUENCE_AT | (unsigned)mode, memory_order_seq_cst);
}

/* kith_wait waits until ready, which looks without waiting, is not 0, and returns that: else
 * KITH_DIED for the peer's end, or -EINTR when a signal was handled. */
static inline int kith_wait(struct kith_waiter *w, int (*ready)(void *), void *of)
{
	int now = 0;
	for (int i = 0; i < w->spin && !now; i++, kith_pause())
		now = ready(of);
	while (!now && !w->ended) {
		int error = 0;
		kith_announce(w, KITH_ASKED);
		if (!w->fenced)
			kith_membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
		now = ready(of);
		if (!now) {
			ssize_t n = recv(w->fd, &(char){0}, 1, 0);
			error = n < 0 ? errno : 0;
			w->ended = n == 0 || (error && error != EINTR);
		}
		w->sequence++; /* each announcement is for one park */
		kith_announce(w, KITH_NOBODY);
		if (error == EINTR)
			return -EINTR;
	}
	if (!now)
		now = ready(of); /* what the peer stored before it ended */
	return now ? now : KITH_DIED;
}

/* ---- 4. handshake ---- */

/* kith_map maps the control page, then the ring twice in a row. */
static inline int kith_map(int fd, uint64_t ring, int protection, uint8_t **at)
{
	size_t one = KITH_RING_AT + ring;
	uint8_t *base = mmap(NULL, one + ring, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	if (mmap(base, one, protection, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
	    mmap(base + one, ring, protection, MAP_SHARED | MAP_FIXED, fd, KITH_RING_AT) == MAP_FAILED) {
		int error = errno;
		munmap(base, one + ring);
		return -error;
	}
	*at = base;
	return 0;
}

static inline void kith_unmap(uint8_t *at, uint64_t ring)
{
	if (at)
		munmap(at, KITH_RING_AT + 2 * ring);
}

enum { KITH_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL };

/* kith_allocate fills the holes of a memfd, by parts: a signal undoes only the last one. */
static inline int kith_allocate(int fd, uint64_t size)
{
	for (uint64_t at = 0, part; at < size;) {
		part = size - at < 1 << 20 ? size - at : 1 << 20;
		if (fallocate(fd, 0, (off_t)at, (off_t)part) == 0)
			at += part;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* kith_own makes our memfd: allocated, mapped, and only then sealed, so that nobody else can write
 * it or take pages out. It is the descriptor; *at is where it is mapped. */
static inline int kith_own(uint64_t ring, uint8_t **at)
{
	const unsigned noexec = 8; /* MFD_NOEXEC_SEAL, since Linux 6.3 */
	int fd = memfd_create("kith", MFD_CLOEXEC | MFD_ALLOW_SEALING | noexec);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("kith", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	uint64_t size = KITH_RING_AT + ring;
	int error = ftruncate(fd, (off_t)size) < 0 ? -errno : kith_allocate(fd, size);
	if (!error)
		error = kith_map(fd, ring, PROT_READ | PROT_WRITE, at);
	if (!error) {
		memcpy(*at + KITH_MAGIC_AT, KITH_RING_MAGIC, 8);
		memcpy(*at + KITH_RING_SIZE_AT, &ring, 8);
		if (fcntl(fd, F_ADD_SEALS, KITH_SEALS) == 0)
			return fd;
		error = -errno;
	}
	close(fd);
	return error;
}

/* kith_check looks at a memfd that came: that it is memory, all there, and cannot shrink under our
 * hands. */
static inline int kith_check(int fd, uint64_t ring)
{
	struct stat file;
	struct statfs system;
	if (fstat(fd, &file) < 0 || fstatfs(fd, &system) < 0)
		return -errno;
	uint64_t size = KITH_RING_AT + ring;
	int seals = fcntl(fd, F_GET_SEALS);
	bool good = system.f_type == TMPFS_MAGIC && seals >= 0 && (seals & KITH_SEALS) == KITH_SEALS &&
	            (uint64_t)file.st_size == size && (uint64_t)file.st_blocks * 512 >= size;
	/* The blocks may lie beyond the end, and a fault in a hole that finds no memory is a SIGBUS.
	 * Nobody can make new holes under the seals. */
	return good ? kith_allocate(fd, size) : KITH_PROTOCOL;
}

enum { KITH_PATIENCE = 10000 }; /* milliseconds for a handshake */

static inline int64_t kith_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* kith_patience bounds the calls on a socket; 0 for ever. */
static inline int kith_patience(int sock, int64_t milliseconds)
{
	struct timeval t = {.tv_sec = (time_t)(milliseconds / 1000), .tv_usec = (suseconds_t)(milliseconds % 1000 * 1000)};
	bool failed = setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) < 0 ||
	              setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) < 0;
	return failed ? -errno : 0;
}

/* kith_hurry leaves the calls on a socket what there is of the time until then. It comes before
 * each try, so that signals do not prolong a handshake. */
static inline int kith_hurry(int sock, int64_t until)
{
	int64_t left = until - kith_now();
	return left > 0 ? kith_patience(sock, left) : -ETIMEDOUT;
}

/* kith_write_hello sends a packet and the descriptors. */
static inline int kith_write_hello(int sock, int64_t until, const struct kith_hello *hello, const int *fds, int count)
{
	union { struct cmsghdr header; char room[CMSG_SPACE(2 * sizeof(int))]; } control = {0};
	struct iovec packet = {(void *)(uintptr_t)hello, sizeof *hello};
	struct msghdr m = {.msg_iov = &packet, .msg_iovlen = 1};
	size_t bytes = (size_t)count * sizeof(int);
	if (count) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(bytes);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(&control.header), fds, bytes);
	}
	ssize_t n;
	do {
		int error = kith_hurry(sock, until);
		if (error)
			return error;
		n = sendmsg(sock, &m, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n == sizeof *hello ? 0 : KITH_PROTOCOL;
	return errno == EPIPE ? -ECONNRESET : errno == EAGAIN ? -ETIMEDOUT : -errno;
}

static inline void kith_close_all(const int *fds, int count)
{
	for (int i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static inline uint8_t kith_byte_order(void) { return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 1 : 2; }

static inline bool kith_ring_allowed(uint64_t ring)
{
	return ring >= KITH_RING_LEAST && ring <= KITH_RING_MOST && !(ring & (ring - 1));
}

/* kith_understand looks whether we can talk to whoever said this. */
static inline int kith_understand(const struct kith_hello *h)
{
	if (memcmp(h->magic, KITH_HELLO_MAGIC, 8))
		return KITH_PROTOCOL;
	if (h->order != kith_byte_order() || h->exchange != KITH_CONN || h->form != KITH_SHARED_MEMORY ||
	    h->oldest > KITH_VERSION || h->newest < KITH_VERSION)
		return KITH_MISMATCH;
	uint32_t refusal = le32toh(h->refusal);
	if (refusal)
		return refusal < 4096 ? -(int)refusal : KITH_PROTOCOL;
	uint64_t limit = le64toh(h->limit);
	return kith_ring_allowed(le64toh(h->ring)) && limit >= 1 && limit <= KITH_MESSAGE_MOST ? 0 : KITH_PROTOCOL;
}

/* kith_read_hello receives a packet and exactly that many descriptors; a refusal comes without. */
static inline int kith_read_hello(int sock, int64_t until, struct kith_hello *hello, int *fds, int count)
{
	enum { most = 4 }; /* the kernel closes what there is no room for */
	union { struct cmsghdr header; char room[CMSG_SPACE(most * sizeof(int))]; } control;
	struct iovec packet = {hello, sizeof *hello};
	struct msghdr m = {.msg_iov = &packet, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n;
	bool again, reset = false;
	do {
		int error = kith_hurry(sock, until);
		if (error)
			return error;
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
		again = n < 0 && (errno == EINTR || (errno == ECONNRESET && !reset));
		reset |= again && errno == ECONNRESET; /* is told once, and before what the peer said last */
	} while (again);
	if (n <= 0)
		return n == 0 ? -ECONNRESET : errno == EAGAIN ? -ETIMEDOUT : -errno;
	int got = 0, came[most];
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && !got) {
			got = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(came, CMSG_DATA(c), (size_t)got * sizeof(int));
		}
	bool whole = n == sizeof *hello && !(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
	if (whole && got == count) {
		memcpy(fds, came, (size_t)got * sizeof(int));
		return 0;
	}
	kith_close_all(came, got);
	int error = whole ? kith_understand(hello) : 0;
	return error ? error : KITH_PROTOCOL;
}

/* ---- 5. connection ---- */

/* Options; what is 0 has its default, and so has a NULL instead of them. */
struct kith_options {
	uint64_t ring;  /* bytes of the ring that we write: a power of two, 4 KiB to 1 GiB; 256 KiB */
	uint64_t limit; /* the largest message that we take, bytes, up to 1 GiB; 64 MiB */
	int spin;       /* looks before a call parks in the kernel; 1000. -1 parks at once */
};

struct kith_conn {
	struct kith_producer out;          /* sending */
	struct kith_notifier to_reader;
	struct kith_waiter for_room;
	uint64_t reserved;
	bool lent;                         /* reserved, and neither committed nor ended */
	bool cut, said_goodbye, gone;      /* half a message is out; nothing may follow; nobody reads */

	struct kith_consumer in;           /* receiving */
	struct kith_notifier to_writer;
	struct kith_waiter for_data;
	struct kith_seen seen;             /* the record at in.head */
	uint8_t *copy;                     /* the message of kith_receive */
	uint64_t length, capacity;
	bool leased;
	int over;                          /* why nothing more can be received */

	uint64_t limit;                    /* the largest message, either way */
	int sock, pair;                    /* the handshake's, and the end of the socketpair */
	uint8_t *own, *peer;               /* the two memories */
};

/* kith_init begins a connection, and its hello. */
static inline int kith_init(struct kith_conn *c, const struct kith_options *options, struct kith_hello *hello)
{
	struct kith_options o = options ? *options : (struct kith_options){0};
	*c = (struct kith_conn){.sock = -1, .pair = -1, .limit = o.limit ? o.limit : 64 << 20};
	c->out.size = o.ring ? o.ring : 256 << 10;
	c->for_data.spin = c->for_room.spin = o.spin ? o.spin : 1000;
	if (!kith_ring_allowed(c->out.size) || c->limit > KITH_MESSAGE_MOST)
		return -EINVAL;
	bool barrier = kith_membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) == 0;
	*hello = (struct kith_hello){
		.order = kith_byte_order(), .oldest = KITH_VERSION, .newest = KITH_VERSION,
		.exchange = KITH_CONN, .form = KITH_SHARED_MEMORY, .barrier = barrier,
		.limit = htole64(c->limit), .ring = htole64(c->out.size),
	};
	memcpy(hello->magic, KITH_HELLO_MAGIC, 8);
	return 0;
}

/* kith_join ties the two memories together, when both hellos are known. */
static inline int kith_join(struct kith_conn *c, const struct kith_hello *ours,
                            const struct kith_hello *theirs, int memory)
{
	uint64_t ring = le64toh(theirs->ring), limit = le64toh(theirs->limit);
	int error = kith_understand(theirs);
	if (!error)
		error = kith_check(memory, ring);
	if (!error)
		error = kith_map(memory, ring, PROT_READ, &c->peer);
	if (error)
		return error;
	bool fenced = !(ours->barrier == 1 && theirs->barrier == 1);
	c->limit = limit < c->limit ? limit : c->limit;
	c->out.ring = c->own + KITH_RING_AT;
	c->out.consumed = kith_word(c->peer, KITH_CONSUMED_AT);
	c->in.ring = c->peer + KITH_RING_AT;
	c->in.size = ring;
	c->in.consumed = kith_word(c->own, KITH_CONSUMED_AT);
	c->to_reader.fd = c->sock;
	c->to_reader.want = kith_word(c->peer, KITH_WANTS_DATA_AT);
	c->to_writer.fd = c->pair;
	c->to_writer.want = kith_word(c->peer, KITH_WANTS_ROOM_AT);
	c->for_data.fd = c->sock;
	c->for_data.want = kith_word(c->own, KITH_WANTS_DATA_AT);
	c->for_room.fd = c->pair;
	c->for_room.want = kith_word(c->own, KITH_WANTS_ROOM_AT);
	c->out.fenced = c->for_data.fenced = c->for_room.fenced = fenced;
	return 0;
}

static inline void kith_drop(struct kith_conn *c)
{
	kith_close_all((int[]){c->sock, c->pair}, 2);
	kith_unmap(c->own, c->out.size);
	kith_unmap(c->peer, c->in.size);
	free(c->copy);
	*c = (struct kith_conn){.sock = -1, .pair = -1};
}

static inline int kith_address(const char *path, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!*path)
		return -EINVAL; /* it would be a name that the kernel makes up */
	if (strlen(path) >= sizeof a->sun_path)
		return -ENAMETOOLONG;
	strcpy(a->sun_path, path);
	return 0;
}

/* kith_admit lets in our own user, as the kernel names the peer's, and tells any other. */
static inline int kith_admit(int sock, int64_t until, struct kith_hello hello)
{
	struct ucred who;
	socklen_t size = sizeof who;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return -errno;
	if (who.uid == geteuid())
		return 0;
	hello.refusal = htole32(EACCES);
	kith_write_hello(sock, until, &hello, NULL, 0);
	return -EACCES;
}

static inline int kith_meet(struct kith_conn *c, const struct sockaddr_un *address, const struct kith_hello *ours)
{
	struct kith_hello theirs;
	int gifts[2] = {-1, -1}, pair[2], memory = -1; /* what we send, and what comes */
	c->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (c->sock < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	c->pair = pair[0];
	gifts[1] = pair[1];
	int64_t until = kith_now() + KITH_PATIENCE;
	int error = fcntl(pair[1], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	if (!error)
		do {
			error = kith_hurry(c->sock, until);
			if (!error && connect(c->sock, (const struct sockaddr *)address, sizeof *address) < 0)
				error = errno == EAGAIN ? -ETIMEDOUT : -errno;
		} while (error == -EINTR);
	if (!error)
		error = kith_admit(c->sock, until, *ours);
	if (!error) {
		gifts[0] = kith_own(c->out.size, &c->own);
		error = gifts[0] < 0 ? gifts[0] : kith_write_hello(c->sock, until, ours, gifts, 2);
	}
	kith_close_all(gifts, 2);
	if (!error || error == -ECONNRESET) /* who hung up may have said why */
		error = kith_read_hello(c->sock, until, &theirs, &memory, 1);
	if (!error)
		error = kith_join(c, ours, &theirs, memory);
	kith_close_all(&memory, 1);
	return error ? error : kith_patience(c->sock, 0);
}

/* kith_dial joins whoever listens at a socket file. The errors are those of connect(2); -EACCES
 * where either side is not the other's user; -EINVAL for no path; -ECONNRESET where the listener hung up, -ETIMEDOUT
 * after 10 seconds of silence; those of memfd_create(2) and mmap(2). On an error there is nothing
 * to close. */
static inline int kith_dial(struct kith_conn *c, const char *path, const struct kith_options *options)
{
	struct kith_hello ours;
	struct sockaddr_un address;
	int error = -ECONNRESET;
	for (int turn = 0; turn < 2 && error == -ECONNRESET; turn++) { /* it may have been closing */
		if (turn)
			usleep(1000);
		error = kith_init(c, options, &ours);
		if (!error)
			error = kith_address(path, &address);
		if (!error)
			error = kith_meet(c, &address, &ours);
		if (error)
			kith_drop(c);
	}
	return error;
}

/* kith_bind makes the socket file, and replaces that of a process which died. */
static inline int kith_bind(int sock, const struct sockaddr_un *address)
{
	const struct sockaddr *at = (const struct sockaddr *)address;
	if (fchmod(sock, 0600) < 0) /* the file's mode from its first moment */
		return -errno;
	if (bind(sock, at, sizeof *address) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool dead = probe >= 0 && connect(probe, at, sizeof *address) < 0 && errno == ECONNREFUSED;
	kith_close_all(&probe, 1);
	struct stat file;
	if (!dead || lstat(address->sun_path, &file) < 0 || !S_ISSOCK(file.st_mode))
		return -EADDRINUSE;
	return unlink(address->sun_path) < 0 || bind(sock, at, sizeof *address) < 0 ? -errno : 0;
}

/* kith_lock_directory takes the lock under which the names in a directory are made. Closing it
 * gives it back. */
static inline int kith_lock_directory(const char *path)
{
	char directory[sizeof((struct sockaddr_un *)0)->sun_path];
	const char *slash = strrchr(path, '/');
	strcpy(directory, slash ? path : ".");
	if (slash)
		directory[slash == path ? 1 : slash - path] = 0;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) == 0)
		return fd < 0 ? -errno : fd;
	int error = -errno;
	close(fd);
	return error;
}

/* kith_listen makes the socket file, for this user only, and is a descriptor to accept from;
 * poll(2) tells when somebody is there. The errors are those of bind(2). Who ends unlinks the file,
 * and then closes the descriptor. */
static inline int kith_listen(const char *path)
{
	struct sockaddr_un address;
	int error = kith_address(path, &address);
	int lock = error ? error : kith_lock_directory(path);
	if (lock < 0)
		return lock;
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	error = sock < 0 ? -errno : kith_bind(sock, &address);
	if (!error && listen(sock, 64) < 0)
		error = -errno;
	close(lock);
	if (!error)
		return sock;
	kith_close_all(&sock, 1);
	return error;
}

/* kith_is_ours reports whether this process made the other end of a socket, or connected there. */
static inline bool kith_is_ours(int fd)
{
	struct ucred who;
	socklen_t size = sizeof who;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.pid == getpid();
}

/* kith_check_socket makes sure that we can park at what came: it must tell the peer's end. One that
 * leads to ourselves, as the peer's own end of front does, would never tell it. */
static inline int kith_check_socket(int fd, int front)
{
	int domain = 0, type = 0;
	socklen_t size = sizeof domain;
	struct sockaddr_un peer;
	socklen_t room = sizeof peer;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || domain != AF_UNIX || type != SOCK_SEQPACKET ||
	    getpeername(fd, (struct sockaddr *)&peer, &room) < 0 || (kith_is_ours(fd) && !kith_is_ours(front)))
		return KITH_PROTOCOL;
	return fcntl(fd, F_SETFL, 0) < 0 ? -errno : 0; /* it comes non-blocking */
}

static inline int kith_answer(struct kith_conn *c, int64_t until, struct kith_hello *ours)
{
	struct kith_hello theirs;
	int came[2] = {-1, -1}, memory = -1; /* the peer's memory and socket; our memory */
	int error = kith_read_hello(c->sock, until, &theirs, came, 2);
	c->pair = came[1];
	if (!error)
		error = kith_check_socket(c->pair, c->sock);
	if (!error)
		error = memory = kith_own(c->out.size, &c->own);
	if (error >= 0)
		error = kith_join(c, ours, &theirs, came[0]);
	if (!error)
		error = kith_write_hello(c->sock, until, ours, &memory, 1);
	else {
		ours->refusal = htole32(error > -4096 ? (uint32_t)-error : EPROTO);
		kith_write_hello(c->sock, until, ours, NULL, 0);
	}
	kith_close_all((int[]){came[0], memory}, 2);
	return error ? error : kith_patience(c->sock, 0);
}

/* kith_accept waits for somebody to dial, and for at most 10 seconds more for its hello. An error
 * is mostly that peer's, and others may come: accept again. -EINTR: a signal was handled, nobody
 * came. On an error there is nothing to close. */
static inline int kith_accept(struct kith_conn *c, int listener, const struct kith_options *options)
{
	struct kith_hello ours;
	int error = kith_init(c, options, &ours);
	if (error)
		return error;
	c->sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	error = c->sock < 0 ? -errno : 0;
	int64_t until = kith_now() + KITH_PATIENCE;
	if (!error)
		error = kith_admit(c->sock, until, ours);
	if (!error)
		error = kith_answer(c, until, &ours);
	if (error)
		kith_drop(c);
	return error;
}

/* -- sending -- */

/* kith_flush lets the peer see what kith_add has held back, all at once. -EPIPE: the peer closed,
 * and has not taken the last message. KITH_DIED: it died. */
static inline int kith_flush(struct kith_conn *c)
{
	kith_publish(&c->out);
	if (!c->gone && kith_notify(&c->to_reader) == KITH_DIED)
		c->gone = true;
	if (!c->gone || !kith_has_closed(&c->to_reader))
		return c->gone ? KITH_DIED : 0;
	return atomic_load_explicit(c->out.consumed, memory_order_seq_cst) == c->out.tail ? 0 : -EPIPE;
}

struct kith_room { struct kith_producer *out; uint64_t record; };

static inline int kith_room_ready(void *of)
{
	const struct kith_room *room = of;
	return kith_has_room(room->out, room->record);
}

/* kith_make_room waits until a record with this body fits. Nothing is reserved any more. */
static inline int kith_make_room(struct kith_conn *c, uint64_t body)
{
	struct kith_room room = {&c->out, kith_record(body)};
	c->lent = false;
	if (c->said_goodbye || c->cut)
		return -EPIPE;
	int error = kith_has_room(&c->out, room.record);
	if (!error && !(error = kith_flush(c)))
		error = kith_wait(&c->for_room, kith_room_ready, &room);
	if (error == KITH_DIED && kith_has_closed(&c->to_reader))
		error = -EPIPE;
	return error < 0 ? error : 0;
}

/* kith_add copies a message into the ring, as kith_send does, and holds it back: the peer sees it
 * with the next kith_flush or kith_send, or when the ring is full. It can take any number of
 * messages; the peer is notified once. */
static inline int kith_add(struct kith_conn *c, const void *message, size_t length)
{
	const uint8_t *at = message;
	uint64_t left = length, most = c->out.size / 4, part;
	if (left > c->limit)
		return KITH_TOO_LARGE;
	do {
		part = left < most ? left : most;
		int error;
		do
			error = kith_make_room(c, part);
		while (error == -EINTR && left < length); /* half a message is out */
		if (error) {
			c->cut |= left < length; /* once cut, for ever */
			return error;
		}
		if (part)
			memcpy(kith_body(&c->out), at, part);
		left -= part;
		at += part;
		kith_append(&c->out, left ? KITH_PIECE : KITH_MESSAGE, part);
		if (left && (error = kith_flush(c)) < 0) {
			c->cut = true;
			return error;
		}
	} while (left);
	return 0;
}

/* kith_send sends a message of any length up to the limit, and waits while the ring is full. It may
 * return before the peer has received it. KITH_TOO_LARGE: nothing was sent. -EPIPE: the peer has
 * closed, we have called kith_close_send, or an earlier message was cut off. KITH_DIED: the peer
 * died. KITH_PROTOCOL: what it says of our ring cannot be. -EINTR: a signal was handled meanwhile;
 * nothing was sent. */
static inline int kith_send(struct kith_conn *c, const void *message, size_t length)
{
	int error = kith_add(c, message, length);
	return error ? error : kith_flush(c);
}

/* kith_reserve lends room in the ring for a message of up to length bytes, a quarter of the ring at
 * most, to be written in place (8-aligned). kith_commit sends it. Who changes his mind just does
 * not commit; any other call that sends ends the loan. Errors as kith_send's. */
static inline int kith_reserve(struct kith_conn *c, size_t length, void **body)
{
	c->lent = false; /* an error leaves no older loan to commit by mistake */
	*body = NULL;
	if (length > c->limit || length > c->out.size / 4)
		return KITH_TOO_LARGE;
	int error = kith_make_room(c, length);
	if (error)
		return error;
	*body = kith_body(&c->out);
	c->reserved = length;
	c->lent = true;
	return 0;
}

/* kith_commit sends the first length bytes of what was reserved. -EINVAL: nothing is, or less. */
static inline int kith_commit(struct kith_conn *c, size_t length)
{
	if (!c->lent || length > c->reserved)
		return -EINVAL;
	c->lent = false;
	kith_append(&c->out, KITH_MESSAGE, length);
	return kith_flush(c);
}

/* kith_close_send says goodbye: the peer receives what was sent, and then the end. We can go on
 * receiving. It never waits. */
static inline int kith_close_send(struct kith_conn *c)
{
	c->lent = false; /* nothing follows a goodbye */
	if (c->cut || c->said_goodbye)
		return 0;
	c->said_goodbye = true;
	kith_say_goodbye(&c->out);
	kith_notify(&c->to_reader);
	return 0;
}

/* -- receiving -- */

static inline int kith_data_ready(void *of)
{
	struct kith_conn *c = of;
	return kith_look(&c->in, &c->seen);
}

/* kith_take goes on to the next record, and wakes a peer that waits for the room. */
static inline void kith_take(struct kith_conn *c)
{
	if (kith_consume(&c->in, &c->seen))
		kith_notify(&c->to_writer);
}

/* kith_release ends a lease: the peer may use the room again. */
static inline void kith_release(struct kith_conn *c)
{
	if (!c->leased)
		return;
	c->leased = false;
	kith_take(c);
}

/* kith_next waits for the next record with a body, and has it in seen. */
static inline int kith_next(struct kith_conn *c)
{
	kith_release(c);
	if (c->over)
		return c->over;
	int found = kith_look(&c->in, &c->seen);
	if (!found)
		found = kith_wait(&c->for_data, kith_data_ready, c);
	if (found == -EINTR)
		return found;
	if (found > 0 && c->seen.kind == KITH_GOODBYE)
		found = c->length ? KITH_PROTOCOL : KITH_EOF;
	else if (found > 0 && c->seen.length > c->limit - c->length)
		found = KITH_PROTOCOL;
	if (found < 0)
		c->over = found;
	return found;
}

/* kith_grow makes room for what has come, never for what is only announced. */
static inline int kith_grow(struct kith_conn *c, uint64_t size)
{
	if (size <= c->capacity)
		return 0;
	uint64_t twice = 2 * c->capacity, capacity = twice > size ? twice : size;
	uint8_t *copy = realloc(c->copy, capacity);
	if (!copy)
		return -ENOMEM;
	c->copy = copy;
	c->capacity = capacity;
	return 0;
}

/* kith_receive waits for a message. It is its length, and *message the bytes, a copy that is the
 * caller's until the next kith_receive, kith_lease or kith_close. KITH_EOF or KITH_DIED, when all
 * that the peer had sent whole has been received; -EINTR when a signal was handled, or -ENOMEM:
 * call again. */
static inline int64_t kith_receive(struct kith_conn *c, const void **message)
{
	for (;;) {
		int error = kith_next(c);
		if (error > 0)
			error = kith_grow(c, c->length + c->seen.length + 1);
		if (error < 0)
			return error;
		memcpy(c->copy + c->length, c->seen.body, c->seen.length);
		c->length += c->seen.length;
		kith_take(c);
		if (c->seen.kind == KITH_MESSAGE)
			break;
	}
	int64_t length = (int64_t)c->length;
	c->length = 0;
	*message = c->copy;
	return length;
}

/* kith_lease is kith_receive without the copy: *message lies in the peer's memory, read-only, until
 * kith_release or the next kith_receive, kith_lease or kith_close, and until then keeps its room
 * from the peer. The peer can change the bytes meanwhile: copy what you check. What came in pieces
 * is a copy. */
static inline int64_t kith_lease(struct kith_conn *c, const void **message)
{
	int error = kith_next(c);
	if (error < 0)
		return error;
	if (c->seen.kind != KITH_MESSAGE || c->length)
		return kith_receive(c, message);
	c->leased = true;
	*message = c->seen.body;
	return (int64_t)c->seen.length;
}

/* kith_close says goodbye, if that was not done and no message is half sent, and ends the
 * connection. The peer can still receive what we sent; what it sent and we have not received is
 * lost. */
static inline void kith_close(struct kith_conn *c)
{
	if (!c->own)
		return;
	kith_release(c);
	kith_close_send(c);
	kith_tell(&c->in);
	kith_announce(&c->for_data, KITH_CLOSED); /* after consumed: what it does not count was not taken */
	kith_drop(c);
}

#endif
