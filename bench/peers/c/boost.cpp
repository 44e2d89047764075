// Boost.Interprocess: a message_queue each way for each size of message, as the slots
// of one are all as large as its largest message. send copies in, receive copies out,
// both block. A condition of the library's own, in shared memory, wakes who waits.
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/version.hpp>
#include <memory>
#include <string>

#include "worker.h"

namespace ipc = boost::interprocess;

static const size_t slots[SIZES] = {4096, 32, 8};

static std::unique_ptr<ipc::message_queue> out[SIZES], in[SIZES];
static std::string names[2][SIZES];
alignas(64) static char payload[LARGEST], copy[LARGEST];

static void meet(const char *place, bool create)
{
	const std::string base = strrchr(place, '/') + 1;
	for (size_t i = 0; i < SIZES; i++)
		for (int way = 0; way < 2; way++) {
			names[way][i] = base + "-" + std::to_string(way) + "-" + std::to_string(sizes[i]);
			auto &queue = (way == create ? in : out)[i];
			if (create)
				queue.reset(new ipc::message_queue(ipc::create_only, names[way][i].c_str(), slots[i], sizes[i]));
			else
				queue.reset(new ipc::message_queue(ipc::open_only, names[way][i].c_str()));
		}
}

static void listen_at(const char *place) { meet(place, true); }
static void dial(const char *place) { meet(place, false); }

// met takes the names away: what is mapped stays until both have ended, however.
static void met()
{
	for (auto &way : names)
		for (auto &name : way)
			ipc::message_queue::remove(name.c_str());
}

static size_t queue_for(size_t size)
{
	size_t i = 0;
	while (sizes[i] < size)
		i++;
	return i;
}

static void put(uint64_t number, size_t size)
{
	fill(payload, size, number);
	out[queue_for(size)]->send(payload, size, 0);
}

static void take(uint64_t number, size_t size)
{
	ipc::message_queue::size_type length;
	unsigned priority;
	const size_t i = queue_for(size);
	in[i]->receive(copy, sizes[i], length, priority);
	check(copy, length, size, number);
}

static void part()
{
	for (size_t i = 0; i < SIZES; i++) {
		in[i].reset();
		out[i].reset();
	}
}

static const char *version() { return "Boost " BOOST_LIB_VERSION; }

int main(int argc, char **argv)
{
	try {
		return work(argc, argv);
	} catch (const std::exception &e) {
		die("boost", e.what());
	}
}
