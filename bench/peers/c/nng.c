/* nng: pair0 over ipc://, by the message interface: a message is written where nng
 * allocated it, handed over by nng_sendmsg, and read where nng received it. */
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

#include "worker.h"

enum { QUEUE = 128 }; /* messages, each way: nng has none by default, and more made it slower */

static nng_socket sock;

static void must(int result, const char *what)
{
	if (result)
		die(what, nng_strerror(result));
}

static void open_pair(void)
{
	must(nng_pair0_open(&sock), "nng_pair0_open");
	must(nng_socket_set_int(sock, NNG_OPT_SENDBUF, QUEUE), "NNG_OPT_SENDBUF");
	must(nng_socket_set_int(sock, NNG_OPT_RECVBUF, QUEUE), "NNG_OPT_RECVBUF");
	must(nng_socket_set_size(sock, NNG_OPT_RECVMAXSZ, 2 * LARGEST), "NNG_OPT_RECVMAXSZ");
}

static const char *url(const char *place)
{
	static char name[256];
	snprintf(name, sizeof name, "ipc://%s.nng", place);
	return name;
}

static void listen_at(const char *place)
{
	open_pair();
	must(nng_listen(sock, url(place), NULL, 0), "nng_listen");
}

static void dial(const char *place)
{
	open_pair();
	must(nng_dial(sock, url(place), NULL, 0), "nng_dial");
}

static void met(void) {}

static void put(uint64_t number, size_t size)
{
	nng_msg *message;
	must(nng_msg_alloc(&message, size), "nng_msg_alloc");
	fill(nng_msg_body(message), size, number);
	must(nng_sendmsg(sock, message, 0), "nng_sendmsg");
}

static void take(uint64_t number, size_t size)
{
	nng_msg *message;
	must(nng_recvmsg(sock, &message, 0), "nng_recvmsg");
	check(nng_msg_body(message), nng_msg_len(message), size, number);
	nng_msg_free(message);
}

static void part(void) { nng_close(sock); }

static const char *version(void)
{
	static char text[64];
	snprintf(text, sizeof text, "nng %s", nng_version());
	return text;
}

int main(int argc, char **argv) { return work(argc, argv); }
