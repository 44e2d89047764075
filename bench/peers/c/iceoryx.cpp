// iceoryx: a publisher and a subscriber each way for each size of message, so that the
// queues of the large ones can be short. Messages are written in memory that was loaned,
// and read where they lie. Who waits looks again and again (take never blocks); a publisher
// waits for a subscriber that is behind. Its daemon, iox-roudi, is started by peers.
#include <iceoryx_posh/iceoryx_posh_types.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_versions.hpp>
#include <memory>
#include <string>
#include <unistd.h>

#include "worker.h"

using iox::capro::IdString_t;

static const uint64_t slots[SIZES] = {256, 32, 8};

static std::unique_ptr<iox::popo::UntypedPublisher> out[SIZES];
static std::unique_ptr<iox::popo::UntypedSubscriber> in[SIZES];

static IdString_t id(const std::string &text) { return IdString_t(iox::cxx::TruncateToCapacity, text); }

static void open(const char *place, const char *own, const char *others)
{
	const std::string base = strrchr(place, '/') + 1;
	iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kError, iox::log::LogLevelOutput::kHideLogLevel);
	iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, base + "-" + own));
	iox::popo::PublisherOptions sending;
	sending.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
	iox::popo::SubscriberOptions receiving;
	receiving.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
	for (size_t i = 0; i < SIZES; i++) {
		const IdString_t size = id(std::to_string(sizes[i]));
		receiving.queueCapacity = slots[i];
		out[i].reset(new iox::popo::UntypedPublisher({id(base), id(own), size}, sending));
		in[i].reset(new iox::popo::UntypedSubscriber({id(base), id(others), size}, receiving));
	}
}

static void listen_at(const char *place) { open(place, "follow", "lead"); }

// dial returns when iox-roudi, which nobody can wait for, has joined all of them.
static void dial(const char *place)
{
	open(place, "lead", "follow");
	for (size_t i = 0; i < SIZES; i++)
		while (!out[i]->hasSubscribers() || in[i]->getSubscriptionState() != iox::SubscribeState::SUBSCRIBED)
			usleep(1000);
}

static void met() {}

static size_t topic_for(size_t size)
{
	size_t i = 0;
	while (sizes[i] < size)
		i++;
	return i;
}

static void put(uint64_t number, size_t size)
{
	auto &publisher = *out[topic_for(size)];
	auto loan = publisher.loan(size);
	if (loan.has_error())
		die("loan", iox::popo::asStringLiteral(loan.get_error()));
	fill(loan.value(), size, number);
	publisher.publish(loan.value());
}

static void take(uint64_t number, size_t size)
{
	auto &subscriber = *in[topic_for(size)];
	for (;;) {
		auto taken = subscriber.take();
		if (!taken.has_error()) {
			const void *message = taken.value();
			check(message, iox::mepoo::ChunkHeader::fromUserPayload(message)->userPayloadSize(), size, number);
			subscriber.release(message);
			return;
		}
		if (taken.get_error() != iox::popo::ChunkReceiveResult::NO_CHUNK_AVAILABLE)
			die("take", iox::popo::asStringLiteral(taken.get_error()));
	}
}

static void part()
{
	for (size_t i = 0; i < SIZES; i++) {
		in[i].reset();
		out[i].reset();
	}
}

static const char *version() { return "iceoryx " ICEORYX_LATEST_RELEASE_VERSION; }

int main(int argc, char **argv) { return work(argc, argv); }
