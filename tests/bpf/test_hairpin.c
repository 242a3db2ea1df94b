// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hairpin (RFC 4787 REQ-9): from inside to a port forward or to an endpoint-independent mapping and
 * back in, with an EIP as the source. XDP leaves it to tc, as it came; all else is dropped.
 */
#include "inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define ONE_ARMED (NATGW_IFACE_INTERNAL | NATGW_IFACE_EXTERNAL)

static void use_mapping(__u8 mapping)
{
	struct natgw_gateway gateway = bench_gateway();

	gateway.mapping = mapping;
	bench_set_gateway(walk.bench, &gateway);
}

/* A client's conversation with an external endpoint of ours. */
static struct talk towards(__be32 client, __u8 proto, __u16 port)
{
	struct talk talk = talk_new(proto);

	talk.client = client;
	talk.client_port = INT_PORT + 1;
	talk.remote = EIP;
	talk.remote_port = port;
	return talk;
}

/* true: it came to CLIENT's port, with the EIP as the source; talk->port is the port of that. */
static bool turn(struct talk *talk, __u8 flags, __u16 payload)
{
	struct spec spec = talk_outbound(talk, flags, payload);

	if (!inside_hairpin(&spec)) {
		return false;
	}
	assert_int_equal(frame_src(&walk.out), EIP);
	talk->port = frame_get16(&walk.out, frame_l4(&walk.out));
	return true;
}

static void require_arrived(__be32 host, __u16 port)
{
	assert_int_equal(frame_dst(&walk.out), host);
	assert_int_equal(frame_get16(&walk.out, frame_l4(&walk.out) + 2), port);
}

/* What CLIENT's host answers; it comes back to the client of the talk. */
static void require_answer(const struct talk *talk, __u8 flags)
{
	struct talk back = talk_new(talk->proto);
	struct spec spec;

	back.remote = EIP;
	back.remote_port = talk->port;
	back.next_out = talk->next_in;
	back.next_in = talk->next_out;
	spec = talk_outbound(&back, flags, 8);
	assert_true(inside_hairpin(&spec));
	assert_int_equal(frame_src(&walk.out), EIP);
	assert_int_equal(frame_get16(&walk.out, frame_l4(&walk.out)), talk->remote_port);
	require_arrived(talk->client, talk->client_port);
}

/* ---- to port forwards ---- */

static void require_forward(__be32 client, __u8 proto)
{
	struct talk talk = towards(client, proto, INSIDE_PORT);

	assert_true(turn(&talk, SYN, 0));
	require_arrived(CLIENT, INT_PORT);
	assert_true(talk.port >= NATGW_PORT_FIRST && talk.port != INSIDE_PORT);
	require_answer(&talk, SYN | ACK);
	for (int i = 0; i < 3; i++) {
		assert_true(turn(&talk, ACK | PSH, 100));
		require_arrived(CLIENT, INT_PORT);
		require_answer(&talk, ACK | PSH);
	}
}

/* Two sessions each: the client's own, and that of the forward. */
static void test_forward(void **state)
{
	(void)state;
	require_forward(CLIENT_B, PROTO_TCP);
	require_forward(CLIENT_B, PROTO_UDP);
	require_forward(CLIENT, PROTO_TCP);
	require_forward(CLIENT, PROTO_UDP);
	inside_require_rows(8);
	walk_judge(0);
	assert_int_equal(walk_counted(NATGW_DROP_HAIRPIN), 0);
	assert_int_equal(walk.diff.generated[NATGW_GENERATED_HAIRPIN], 4 * 8);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 6);
	assert_int_equal(client_of(walk.bench, CLIENT_B).sessions, 2);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 0);
}

/* XDP hands it up as it came. */
static void test_xdp_leaves_it_to_tc(void **state)
{
	struct talk talk = towards(CLIENT_B, PROTO_TCP, INSIDE_PORT);
	struct bench_run run = { .prog = BENCH_XDP_INT };
	struct spec spec = talk_outbound(&talk, SYN, 0);

	(void)state;
	frame_build(&spec, &walk.in);
	bench_run(walk.bench, &walk.in, &run);
	assert_int_equal(run.retval, ACTION_XDP_PASS);
	assert_int_equal(run.out.len, walk.in.len);
	assert_memory_equal(run.out.data, walk.in.data, walk.in.len);
	assert_int_equal(walk_counted(NATGW_DEFER_HAIRPIN), 1);
	inside_require_rows(0);
}

/* The client and the host each hang up: both sessions end. */
static void test_close(void **state)
{
	struct talk talk = towards(CLIENT_B, PROTO_TCP, INSIDE_PORT);
	static struct table inbound;

	(void)state;
	assert_true(turn(&talk, SYN, 0));
	require_answer(&talk, SYN | ACK);
	assert_true(turn(&talk, ACK, 0));
	assert_true(turn(&talk, FIN | ACK, 0));
	require_answer(&talk, FIN | ACK);
	assert_true(turn(&talk, ACK, 0));
	table_read(walk.bench->inbound, &inbound);
	assert_int_equal(inbound.count, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(row_state(&inbound.rows[i].row), NATGW_STATE_HOLD);
	}
}

/* A small TTL makes no loop; one that ends here does so as with any router, and its sender is told.
 */
static void test_ttl(void **state)
{
	struct talk talk = towards(CLIENT_B, PROTO_UDP, INSIDE_PORT);
	struct spec spec = talk_outbound(&talk, 0, 8);

	(void)state;
	spec.ttl = 1;
	assert_false(walk_send(&spec));
	assert_true(walk.answered);
	assert_int_equal(walk_counted(NATGW_DROP_TTL_EXPIRED), 1);
	inside_require_rows(0);
	spec.ttl = 9;
	assert_true(inside_hairpin(&spec));
	assert_in_range(walk.out.data[FRAME_ETH + 8], 7, 8);
}

/* ---- between mappings ---- */

static __u16 open_mapping(__be32 client, __u16 port)
{
	struct talk talk = talk_new(PROTO_UDP);

	talk.client = client;
	talk.client_port = port;
	talk_open(&talk);
	return talk.port;
}

static void test_mappings(void **state)
{
	struct talk talk;
	__u16 first, second;

	(void)state;
	use_mapping(NATGW_MAPPING_ENDPOINT_INDEPENDENT | NATGW_FILTERING_ENDPOINT_INDEPENDENT);
	first = open_mapping(CLIENT, INT_PORT);
	second = open_mapping(CLIENT_B, INT_PORT + 1);
	talk = towards(CLIENT_B, PROTO_UDP, first);
	for (int i = 0; i < 3; i++) {
		assert_true(turn(&talk, 0, 50));
		require_arrived(CLIENT, INT_PORT);
		assert_int_equal(talk.port, second);
		require_answer(&talk, 0);
	}
	/* To oneself. */
	talk = towards(CLIENT, PROTO_UDP, first);
	talk.client_port = INT_PORT;
	assert_true(turn(&talk, 0, 50));
	require_arrived(CLIENT, INT_PORT);
	assert_int_equal(talk.port, first);
}

/* The mapping that a hairpinned packet makes is the one that the client keeps. */
static void test_first_packet(void **state)
{
	struct talk talk;

	(void)state;
	use_mapping(NATGW_MAPPING_ENDPOINT_INDEPENDENT | NATGW_FILTERING_ENDPOINT_INDEPENDENT);
	talk = towards(CLIENT_B, PROTO_UDP, open_mapping(CLIENT, INT_PORT));
	assert_true(turn(&talk, 0, 50));
	assert_int_equal(open_mapping(CLIENT_B, INT_PORT + 1), talk.port);
}

/* Address- and port-dependent filtering: only who was asked gets in, from inside too. */
static void test_filter(void **state)
{
	__u16 first, second;
	struct talk talk, other;

	(void)state;
	use_mapping(NATGW_MAPPING_ENDPOINT_INDEPENDENT);
	first = open_mapping(CLIENT, INT_PORT);
	second = open_mapping(CLIENT_B, INT_PORT + 1);
	talk = towards(CLIENT_B, PROTO_UDP, first);
	assert_false(turn(&talk, 0, 50));
	other = towards(CLIENT, PROTO_UDP, second);
	other.client_port = INT_PORT;
	assert_true(turn(&other, 0, 50));
	require_arrived(CLIENT_B, INT_PORT + 1);
	assert_true(turn(&talk, 0, 50));
	require_arrived(CLIENT, INT_PORT);
}

/* ---- all else ---- */

static void require_dropped(struct spec spec, __u64 *count, __u32 verdict)
{
	assert_false(walk_send(&spec));
	assert_int_equal(walk_counted(verdict), ++*count);
}

static void test_anything_else(void **state)
{
	struct talk session = talk_new(PROTO_TCP), talk;
	__u64 count = 0;

	(void)state;
	talk_open(&session);
	talk = towards(CLIENT_B, PROTO_TCP, INSIDE_PORT + 1);
	require_dropped(talk_outbound(&talk, SYN, 0), &count, NATGW_DROP_HAIRPIN);
	talk.remote_port = session.port;
	require_dropped(talk_outbound(&talk, SYN, 0), &count, NATGW_DROP_HAIRPIN);
	require_dropped(talk_outbound(&talk, ACK, 0), &count, NATGW_DROP_HAIRPIN);
	talk = towards(CLIENT_B, PROTO_UDP, session.port);
	require_dropped(talk_outbound(&talk, 0, 8), &count, NATGW_DROP_HAIRPIN);
	talk = towards(CLIENT_B, PROTO_ICMP, 0);
	require_dropped(talk_outbound(&talk, 0, 8), &count, NATGW_DROP_HAIRPIN);
	talk = towards(CLIENT_B, PROTO_TCP, INSIDE_PORT);
	talk.remote = EIP_B;
	require_dropped(talk_outbound(&talk, SYN, 0), &count, NATGW_DROP_HAIRPIN);
	inside_require_rows(1);
	assert_int_equal(client_of(walk.bench, CLIENT_B).sessions, 0);
	assert_int_equal(walk.diff.generated[NATGW_GENERATED_HAIRPIN], 0);
}

static void test_only_a_syn(void **state)
{
	static const __u8 flags[] = { ACK, SYN | ACK, FIN | ACK, RST, RST | ACK, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct talk talk = towards(CLIENT_B, PROTO_TCP, INSIDE_PORT);

		assert_false(turn(&talk, flags[i], 0));
	}
	inside_require_rows(0);
}

/* LAND stays one, and nobody comes from outside in the name of an EIP (threats 20 and 22). */
static void test_from_outside(void **state)
{
	static const __be32 sources[] = { EIP, EIP_B };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct talk talk = inside_forwarded(i & 1 ? PROTO_TCP : PROTO_UDP);
		struct bench_run run = { .prog = BENCH_TC_EXT };
		struct spec spec;

		talk.remote = sources[i / 2];
		spec = talk_inbound(&talk, SYN, 0);
		frame_build(&spec, &walk.in);
		bench_run(walk.bench, &walk.in, &run);
		assert_int_equal(run.retval, ACTION_TC_SHOT);
	}
	inside_require_rows(0);
	assert_int_equal(walk_counted(NATGW_DROP_MARTIAN), 2);
	assert_int_equal(walk_counted(NATGW_DROP_SOURCE_NOT_ALLOWED), 2);
}

/* A mapping whose filter is open is open to the outside, not to who says to be inside. */
static void test_spoofed_to_a_mapping(void **state)
{
	struct talk talk;

	(void)state;
	use_mapping(NATGW_MAPPING_ENDPOINT_INDEPENDENT | NATGW_FILTERING_ENDPOINT_INDEPENDENT);
	talk = talk_new(PROTO_UDP);
	talk.port = open_mapping(CLIENT, INT_PORT);
	talk.eip = EIP;
	talk.remote = CLIENT_B;
	assert_false(talk_receive(&talk, 0, 8));
	assert_int_equal(walk_counted(NATGW_DROP_SOURCE_NOT_ALLOWED), 1);
	talk.remote = REMOTE_B;
	assert_true(talk_receive(&talk, 0, 8));
}

static void test_no_port_left(void **state)
{
	struct talk talk = towards(CLIENT_B, PROTO_TCP, INSIDE_PORT);
	struct natgw_gateway gateway = bench_gateway();

	(void)state;
	bench_range(&gateway, INSIDE_PORT, 1, 0);
	bench_set_gateway(walk.bench, &gateway);
	assert_false(turn(&talk, SYN, 0));
	assert_int_equal(walk_counted(NATGW_DROP_PORT_EXHAUSTED), 1);
	inside_require_rows(0);
}

/* ---- one interface for both sides ---- */

/* By ext0, where clients are as well: true when it came back in; walk.out. */
static bool turn_one_armed(const struct talk *talk, __u8 flags)
{
	struct spec spec = talk_outbound(talk, flags, 8);
	struct bench_run first = { .prog = BENCH_TC_EXT }, second = { .prog = BENCH_TC_EXT };

	spec.dmac = mac_ext;
	frame_build(&spec, &walk.in);
	bench_run(walk.bench, &walk.in, &first);
	if (first.retval != ACTION_TC_REDIRECT) {
		return false;
	}
	second.mark = first.mark_out;
	bench_run(walk.bench, &first.out, &second);
	walk.out = second.out;
	return second.retval == ACTION_TC_REDIRECT;
}

static void require_one_armed(const struct talk *talk)
{
	assert_true(turn_one_armed(talk, SYN));
	assert_int_equal(frame_src(&walk.out), EIP);
	require_arrived(CLIENT, INT_PORT);
	assert_null(frame_verify(&walk.out));
}

static void test_one_armed(void **state)
{
	struct talk talk = towards(CLIENT_B, PROTO_TCP, INSIDE_PORT);

	(void)state;
	bench_set_iface(walk.bench, walk.bench->ext_ifindex, ONE_ARMED, 1);
	require_one_armed(&talk);
	talk.client = CLIENT;
	require_one_armed(&talk);
	talk = towards(CLIENT_B, PROTO_UDP, INSIDE_PORT);
	require_one_armed(&talk);
	talk.remote_port++;
	assert_false(turn_one_armed(&talk, 0));
	assert_int_equal(walk_counted(NATGW_DROP_HAIRPIN), 1);
	inside_require_rows(6);
}

static void test_one_armed_mapping(void **state)
{
	struct talk talk;

	(void)state;
	use_mapping(NATGW_MAPPING_ENDPOINT_INDEPENDENT | NATGW_FILTERING_ENDPOINT_INDEPENDENT);
	talk = towards(CLIENT_B, PROTO_UDP, open_mapping(CLIENT, INT_PORT));
	bench_set_iface(walk.bench, walk.bench->ext_ifindex, ONE_ARMED, 1);
	require_one_armed(&talk);
}

/* Where the EIP is the host's own address, too: a forward is a forward, the rest is the host's. */
static void test_one_armed_shared(void **state)
{
	struct talk talk = towards(CLIENT_B, PROTO_TCP, INSIDE_PORT);
	struct bench_run run = { .prog = BENCH_TC_EXT };
	struct spec spec;

	(void)state;
	inside_share();
	bench_set_iface(walk.bench, walk.bench->ext_ifindex, ONE_ARMED, 1);
	require_one_armed(&talk);
	talk.remote_port = 22;
	spec = talk_outbound(&talk, SYN, 0);
	spec.dmac = mac_ext;
	frame_build(&spec, &walk.in);
	bench_run(walk.bench, &walk.in, &run);
	assert_int_equal(run.retval, ACTION_TC_UNSPEC);
	assert_memory_equal(run.out.data, walk.in.data, walk.in.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		INSIDE_TC_TEST(test_forward),
		INSIDE_TC_TEST(test_xdp_leaves_it_to_tc),
		INSIDE_TC_TEST(test_close),
		INSIDE_TC_TEST(test_ttl),
		INSIDE_TC_TEST(test_mappings),
		INSIDE_TC_TEST(test_first_packet),
		INSIDE_TC_TEST(test_filter),
		INSIDE_TEST(test_anything_else),
		INSIDE_TC_TEST(test_only_a_syn),
		INSIDE_TC_TEST(test_from_outside),
		INSIDE_TEST(test_spoofed_to_a_mapping),
		INSIDE_TC_TEST(test_no_port_left),
		INSIDE_TC_TEST(test_one_armed),
		INSIDE_TC_TEST(test_one_armed_mapping),
		INSIDE_TC_TEST(test_one_armed_shared),
	};
	int failed;

	walk.bench = bench_open(4096);
	failed = cmocka_run_group_tests_name("hairpin", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
