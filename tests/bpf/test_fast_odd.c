// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is out of the ordinary goes the long way, also when its session's row is warm: the same
 * becomes of it as with a row that knows nothing yet.
 */
#include "talk.h"
#include "warm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Last-seen times of two runs may be this far apart, in ticks. */
#define SLACK 200

/* ---- what became of a packet ---- */

struct fate {
	bool translated;
	bool is_short;
	struct frame out;
	struct counters diff;
	struct natgw_session outbound;
	struct natgw_session inbound;
	__u32 now;
};

struct odd {
	const char *name;
	struct spec spec;		    /* what differs from a plain packet of the session */
	void (*tweak)(struct bench *bench); /* of the bench, warm or not */
	__be32 remote;			    /* 0: REMOTE */
	__u8 proto;
	bool inbound;
};

static struct pair pair_of(const struct odd *odd)
{
	struct pair pair = pair_standard(odd->proto, NATGW_STATE_ESTABLISHED);

	pair.rem_addr = odd->remote ? odd->remote : REMOTE;
	return pair;
}

static struct spec packet_of(const struct odd *odd)
{
	struct spec plain = odd->inbound ? walk_inbound(odd->proto, ACK, EXT_PORT)
					 : walk_outbound(odd->proto, ACK);
	struct spec spec = odd->spec;

	spec.src = plain.src;
	spec.dst = plain.dst;
	spec.smac = plain.smac;
	spec.dmac = spec.dmac ? spec.dmac : plain.dmac;
	spec.sport = plain.sport;
	spec.dport = plain.dport;
	spec.proto = plain.proto;
	spec.flags = plain.flags;
	spec.payload = spec.payload ? spec.payload : plain.payload;
	if (odd->remote) {
		*(odd->inbound ? &spec.src : &spec.dst) = odd->remote;
	}
	return spec;
}

static void run(const struct odd *odd, bool warm, struct fate *ret_fate)
{
	static struct counters before, after;
	struct pair pair = pair_of(odd);
	struct spec spec = packet_of(odd);

	walk_again();
	pair_add(walk.bench, &pair);
	if (warm) {
		warm_sessions(walk.bench);
	}
	if (odd->tweak) {
		odd->tweak(walk.bench);
	}
	warm_mark(walk.bench);
	counters_read(walk.bench, &before);
	ret_fate->translated = odd->inbound ? walk_receive(&spec) : walk_send(&spec);
	ret_fate->is_short = warm_was_short(walk.bench);
	counters_read(walk.bench, &after);
	counters_diff(&before, &after, &ret_fate->diff);
	ret_fate->out = walk.out;
	ret_fate->now = bench_now(walk.bench);
	assert_true(pair_outbound(walk.bench, &pair, &ret_fate->outbound));
	assert_true(pair_inbound(walk.bench, &pair, &ret_fate->inbound));
}

/* But for what no two sessions have in common. */
static void require_same_row(const char *name, const struct natgw_session *one,
			     const struct natgw_session *other)
{
	struct natgw_session left = *one, right = *other;
	__u32 apart = left.last_seen - right.last_seen + SLACK;

	left.word = (__u32)left.word;
	right.word = (__u32)right.word;
	left.nexthop = right.nexthop = 0;
	left.last_seen = right.last_seen = 0;
	if (apart > 2 * SLACK || memcmp(&left, &right, sizeof(left)) != 0) {
		fail_msg("%s: the rows differ", name);
	}
}

/* A fragment gets an identification of its own. */
static void forget_id(const struct odd *odd, struct frame *frame)
{
	if (odd->spec.frag && !odd->inbound) {
		memset(frame->data + FRAME_ETH + 4, 0, 2);
		memset(frame->data + FRAME_ETH + 10, 0, 2);
	}
}

static void require_same(const struct odd *odd, struct fate *cold, struct fate *warm)
{
	forget_id(odd, &cold->out);
	forget_id(odd, &warm->out);
	if (cold->translated != warm->translated || cold->out.len != warm->out.len ||
	    memcmp(cold->out.data, warm->out.data, cold->out.len) != 0) {
		fail_msg("%s: another packet came out", odd->name);
	}
	if (memcmp(&cold->diff, &warm->diff, sizeof(cold->diff)) != 0) {
		fail_msg("%s: counted otherwise", odd->name);
	}
	require_same_row(odd->name, &cold->outbound, &warm->outbound);
	require_same_row(odd->name, &cold->inbound, &warm->inbound);
}

/* ---- the packets ---- */

static const __u8 mac_stranger[6] = { 2, 0, 0, 0, 9, 9 };

#define BOTH(text, ...)                                                                           \
	{ text " (TCP)", { __VA_ARGS__ }, .proto = PROTO_TCP },                                   \
		{ text " (TCP, inbound)", { __VA_ARGS__ }, .proto = PROTO_TCP, .inbound = true }, \
		{ text " (UDP)", { __VA_ARGS__ }, .proto = PROTO_UDP },                           \
	{                                                                                         \
		text " (UDP, inbound)", { __VA_ARGS__ }, .proto = PROTO_UDP, .inbound = true      \
	}

static const struct odd odds[] = {
	BOTH("TTL 1", .ttl = 1),
	BOTH("TTL 0", .ttl = 1, .ttl_minus = 1),
	BOTH("first fragment", .frag = FRAG_MF, .payload = 64, .piece = 64),
	BOTH("later fragment", .frag = 8, .payload = 64),
	BOTH("IP option", .options = 1),
	BOTH("wrong IP checksum", .bad_ip = 1),
	BOTH("for another MAC address", .dmac = mac_stranger),
	BOTH("802.1Q tag", .vlan = 0x8100),
	BOTH("shorter than it says", .payload = 40, .cut = 8),
	BOTH("IP version 5", .poke = { { .offset = FRAME_ETH, .width = 1, .value = 0x55 } },
	     .mend = true),
	{ "UDP length too long",
	  { .poke = { { .offset = FRAME_ETH + FRAME_IP + 4, .width = 2, .value = 500 } } },
	  .proto = PROTO_UDP },
	{ "UDP length too short, inbound",
	  { .poke = { { .offset = FRAME_ETH + FRAME_IP + 4, .width = 2, .value = 7 } } },
	  .proto = PROTO_UDP,
	  .inbound = true },
	{ "TCP header too long",
	  { .poke = { { .offset = FRAME_ETH + FRAME_IP + 12, .width = 1, .value = 0xf0 } } },
	  .proto = PROTO_TCP },
	{ "TCP header too short, inbound",
	  { .poke = { { .offset = FRAME_ETH + FRAME_IP + 12, .width = 1, .value = 0x40 } } },
	  .proto = PROTO_TCP,
	  .inbound = true },
	{ "bigger than the route's MTU",
	  { .payload = 1400 },
	  .proto = PROTO_UDP,
	  .remote = REMOTE_SMALL_MTU },
	{ "bigger than the route's MTU, with DF",
	  { .payload = 1400, .frag = FRAG_DF },
	  .proto = PROTO_TCP,
	  .remote = REMOTE_SMALL_MTU },
	{ "bigger than the interface's MTU, inbound",
	  { .payload = 1500 },
	  .proto = PROTO_TCP,
	  .inbound = true },
	{ "next hop due", {}, warm_expire, .proto = PROTO_TCP },
	{ "next hop due, inbound", {}, warm_expire, .proto = PROTO_UDP, .inbound = true },
};

/* And back to one that the short way is for: then it is no wonder that the two are the same. */
static const struct odd plains[] = { BOTH("plain", .payload = 100) };

static void judge(const struct odd *odd, bool is_short)
{
	static struct fate cold, warm;

	run(odd, false, &cold);
	run(odd, true, &warm);
	if (warm.translated && warm.is_short != is_short) {
		fail_msg("%s: went the %s way", odd->name, is_short ? "long" : "short");
	}
	require_same(odd, &cold, &warm);
}

static void test_odd_packets(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(odds) / sizeof(odds[0]); i++) {
		judge(&odds[i], false);
	}
}

static void test_plain_packets(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(plains) / sizeof(plains[0]); i++) {
		judge(&plains[i], true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_odd_packets),
		WALK_TEST(test_plain_packets),
	};
	int failed;

	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("odd packets of warm rows", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
