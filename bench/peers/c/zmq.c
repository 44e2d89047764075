/* libzmq: a PAIR socket at each end of ipc://, blocking calls. The message is written
 * where libzmq allocated it, and read where libzmq received it. Its queues have the
 * 1,000 messages that are the default: without a limit it was slower. */
#include <zmq.h>

#include "worker.h"

static void *context, *sock;

static void must(int result, const char *what)
{
	if (result < 0)
		die(what, zmq_strerror(zmq_errno()));
}

static void open_pair(void)
{
	context = zmq_ctx_new();
	sock = zmq_socket(context, ZMQ_PAIR);
}

static const char *endpoint(const char *place)
{
	static char name[256];
	snprintf(name, sizeof name, "ipc://%s.zmq", place);
	return name;
}

static void listen_at(const char *place)
{
	open_pair();
	must(zmq_bind(sock, endpoint(place)), "zmq_bind");
}

static void dial(const char *place)
{
	open_pair();
	must(zmq_connect(sock, endpoint(place)), "zmq_connect");
}

static void met(void) {}

static void put(uint64_t number, size_t size)
{
	zmq_msg_t message;
	must(zmq_msg_init_size(&message, size), "zmq_msg_init_size");
	fill(zmq_msg_data(&message), size, number);
	must(zmq_msg_send(&message, sock, 0), "zmq_msg_send");
}

static void take(uint64_t number, size_t size)
{
	zmq_msg_t message;
	zmq_msg_init(&message);
	must(zmq_msg_recv(&message, sock, 0), "zmq_msg_recv");
	check(zmq_msg_data(&message), zmq_msg_size(&message), size, number);
	zmq_msg_close(&message);
}

static void part(void)
{
	zmq_close(sock);
	zmq_ctx_term(context);
}

static const char *version(void)
{
	static char text[64];
	int major, minor, patch;
	zmq_version(&major, &minor, &patch);
	snprintf(text, sizeof text, "libzmq %d.%d.%d", major, minor, patch);
	return text;
}

int main(int argc, char **argv) { return work(argc, argv); }
