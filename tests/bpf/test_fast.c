// SPDX-License-Identifier: GPL-2.0-only
/*
 * The short way (bpf/fast.h): a packet of a warm row asks for nothing else, and as soon as there is
 * something to ask, it goes the long way. Which rows may be warm: test_fast_rows.c; whole
 * conversations both ways: test_fast_life.c. Every packet of the catalogue: test_catalogue.c.
 */
#include "talk.h"
#include "warm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define WINDOW (1 << NATGW_ROUTE_SHIFT)
#define TABLE 1

/* ---- a warm session and one packet of it ---- */

/* A packet of the standard session. */
struct kind {
	const char *name;
	__u8 proto;
	__u8 state; /* of the session before */
	bool inbound;
	__u8 flags;
	__u16 payload;
};

static const struct kind kinds[] = {
	{ "TCP data", PROTO_TCP, NATGW_STATE_ESTABLISHED, false, ACK | PSH, 31 },
	{ "TCP data, inbound", PROTO_TCP, NATGW_STATE_ESTABLISHED, true, ACK | PSH, 33 },
	{ "FIN", PROTO_TCP, NATGW_STATE_ESTABLISHED, false, FIN | ACK, 0 },
	{ "FIN, inbound", PROTO_TCP, NATGW_STATE_ESTABLISHED, true, FIN | ACK, 0 },
	{ "RST", PROTO_TCP, NATGW_STATE_ESTABLISHED, false, RST | ACK, 0 },
	{ "RST, inbound", PROTO_TCP, NATGW_STATE_ESTABLISHED, true, RST, 0 },
	{ "SYN-ACK", PROTO_TCP, NATGW_STATE_OPENING, false, SYN | ACK, 0 },
	{ "SYN-ACK, inbound", PROTO_TCP, NATGW_STATE_OPENING, true, SYN | ACK, 0 },
	{ "UDP", PROTO_UDP, NATGW_STATE_ESTABLISHED, false, 0, 24 },
	{ "UDP, inbound", PROTO_UDP, NATGW_STATE_ESTABLISHED, true, 0, 25 },
	{ "UDP again", PROTO_UDP, NATGW_STATE_OPENING, false, 0, 24 },
	{ "UDP, first reply", PROTO_UDP, NATGW_STATE_OPENING, true, 0, 25 },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct spec packet_of(const struct kind *kind)
{
	struct spec spec = kind->inbound ? walk_inbound(kind->proto, kind->flags, EXT_PORT)
					 : walk_outbound(kind->proto, kind->flags);

	spec.payload = kind->payload;
	return spec;
}

static bool pass(const struct spec *spec, bool inbound)
{
	return inbound ? walk_receive(spec) : walk_send(spec);
}

static void add_session(__u8 proto, __u8 state, __be32 remote)
{
	struct pair pair = pair_standard(proto, state);

	pair.rem_addr = remote;
	pair_add(walk.bench, &pair);
}

static void begin_warm(const struct kind *kind)
{
	walk_again();
	add_session(kind->proto, kind->state, REMOTE);
	warm_sessions(walk.bench);
}

static void require_translated(const struct spec *in, bool inbound)
{
	struct spec want = *in;
	struct frame frame;

	want.ttl_minus = 1;
	want.smac = inbound ? mac_int : mac_ext;
	want.dmac = inbound ? mac_client : mac_router;
	if (inbound) {
		want.dst = CLIENT;
		want.dport = INT_PORT;
	} else {
		want.src = EIP;
		want.sport = EXT_PORT;
	}
	frame_build(&want, &frame);
	assert_int_equal(walk.out.len, frame.len);
	assert_memory_equal(walk.out.data, frame.data, frame.len);
}

static void require(const struct kind *kind, bool condition, const char *otherwise)
{
	if (!condition) {
		fail_msg("%s: %s", kind->name, otherwise);
	}
}

/* Route tables and addresses are gone, and nobody has said so. */
static void test_a_warm_row_asks_for_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		const struct kind *kind = &kinds[i];
		struct spec spec = packet_of(kind);

		begin_warm(kind);
		warm_hide_policy(walk.bench);
		require(kind, pass(&spec, kind->inbound), "the long way");
		require_translated(&spec, kind->inbound);
		begin_warm(kind);
		warm_hide_policy(walk.bench);
		bench_commit(walk.bench);
		require(kind, !pass(&spec, kind->inbound), "the short way after a change");
	}
	walk_again();
}

/* ---- how a row gets warm, and cold ---- */

static bool is_short_out(struct talk *talk)
{
	warm_mark(walk.bench);
	assert_true(talk_send(talk, ACK, 10));
	return warm_was_short(walk.bench);
}

static bool is_short_in(struct talk *talk)
{
	warm_mark(walk.bench);
	assert_true(talk_receive(talk, ACK, 10));
	return warm_was_short(walk.bench);
}

/* Both rows and both interfaces have been looked at. */
static struct talk open_warm(__u8 proto)
{
	struct talk talk = talk_new(proto);

	talk_open(&talk);
	is_short_out(&talk);
	is_short_in(&talk);
	assert_true(is_short_out(&talk));
	assert_true(is_short_in(&talk));
	return talk;
}

static void test_one_packet_after_a_change(void **state)
{
	static const __u8 protos[] = { PROTO_TCP, PROTO_UDP };

	(void)state;
	for (size_t i = 0; i < sizeof(protos); i++) {
		struct talk talk = open_warm(protos[i]);

		bench_commit(walk.bench);
		assert_false(is_short_out(&talk));
		assert_false(is_short_in(&talk));
		assert_true(is_short_out(&talk));
		assert_true(is_short_in(&talk));
	}
}

static void set_default_route(__u8 target)
{
	const struct natgw_route_key key = { .prefix_len = 32, .table = TABLE };
	const struct natgw_route row = { .target = target, .gateway = 1 };

	bench_set_route(walk.bench, &key, &row);
}

static void require_refused_out(struct talk *talk, __u32 verdict)
{
	__u64 before = walk_counted(verdict);

	assert_false(talk_send(talk, ACK, 10));
	assert_int_equal(walk_counted(verdict), before + 1);
	assert_false(talk_send(talk, ACK, 10));
	assert_int_equal(walk_counted(verdict), before + 2);
}

static void test_access_list_counts_at_once(void **state)
{
	struct talk talk = open_warm(PROTO_TCP);

	(void)state;
	bench_set_features(walk.bench, NATGW_FEATURE_ACL);
	assert_false(is_short_out(&talk));
	assert_false(is_short_in(&talk));
	assert_true(is_short_out(&talk));
	assert_true(is_short_in(&talk));
	bench_set_acl(walk.bench, REMOTE, 32, 1);
	require_refused_out(&talk, NATGW_DROP_ACL);
	assert_false(talk_receive(&talk, ACK, 10));
	assert_int_equal(walk_counted(NATGW_DROP_ACL), 3);
	bench_set_acl(walk.bench, REMOTE, 32, 0);
	assert_false(is_short_out(&talk));
	assert_true(is_short_out(&talk));
}

static void test_deleted_gateway_counts_at_once(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct talk talk = open_warm(PROTO_UDP);
	const __be32 eip = EIP;

	(void)state;
	gateway.state = NATGW_GATEWAY_DELETED;
	bench_set_gateway(walk.bench, &gateway);
	require_refused_out(&talk, NATGW_DROP_GATEWAY_NOT_AVAILABLE);
	/* Its EIP goes with it. */
	assert_int_equal(bpf_map_delete_elem(walk.bench->addresses, &eip), 0);
	bench_commit(walk.bench);
	assert_false(talk_receive(&talk, 0, 10));
	assert_memory_equal(walk.in.data, walk.out.data, walk.in.len);
	walk_again();
}

static void test_blackhole_counts_at_once(void **state)
{
	struct talk talk = open_warm(PROTO_TCP);

	(void)state;
	set_default_route(NATGW_TARGET_BLACKHOLE);
	require_refused_out(&talk, NATGW_DROP_BLACKHOLE);
	set_default_route(NATGW_TARGET_GATEWAY);
	assert_false(is_short_out(&talk));
	assert_true(is_short_out(&talk));
}

/* ---- time ---- */

/* Nothing has changed; next hops are good all the time. */
static void test_row_asks_again(void **state)
{
	struct talk talk;

	(void)state;
	walk_pass(warm_to_window(walk.bench));
	talk = open_warm(PROTO_TCP);
	warm_nexthops(walk.bench);
	walk_pass(WINDOW * 3 / 4);
	assert_true(is_short_out(&talk));
	assert_true(is_short_in(&talk));
	walk_pass(WINDOW);
	assert_false(is_short_out(&talk));
	assert_false(is_short_in(&talk));
	warm_nexthops(walk.bench);
	assert_true(is_short_out(&talk));
	assert_true(is_short_in(&talk));
	/* What asks finds out that there is no way any more. */
	warm_hide_policy(walk.bench);
	assert_true(is_short_out(&talk));
	assert_true(is_short_in(&talk));
	walk_pass(WINDOW);
	assert_false(talk_send(&talk, ACK, 10));
	assert_false(talk_receive(&talk, ACK, 10));
	walk_again();
}

/* After a second the neighbour is looked up again. */
static void test_next_hop_is_due(void **state)
{
	struct talk talk;

	(void)state;
	walk_pass(warm_to_window(walk.bench));
	talk = open_warm(PROTO_UDP);
	walk_seconds(2);
	assert_false(is_short_out(&talk));
	assert_false(is_short_in(&talk));
	assert_true(is_short_out(&talk));
	assert_true(is_short_in(&talk));
	warm_expire(walk.bench);
	assert_false(is_short_out(&talk));
	assert_false(is_short_in(&talk));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_a_warm_row_asks_for_nothing),
		WALK_TEST(test_one_packet_after_a_change),
		WALK_TEST(test_access_list_counts_at_once),
		WALK_TEST(test_deleted_gateway_counts_at_once),
		WALK_TEST(test_blackhole_counts_at_once),
		WALK_TEST(test_row_asks_again),
		WALK_TEST(test_next_hop_is_due),
	};
	int failed;

	warm_stay_on_cpu();
	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("the short way", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
