// SPDX-License-Identifier: GPL-2.0-only
/*
 * 1:1 mappings and the two stages of a gateway (requirements 74, 79, 81, 82): only the address
 * changes, both ways, in headers and in quotes, and no session is needed for it. What leaves is
 * compared byte for byte with the same packet made from scratch.
 */
#include "harness_internal.h"
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "natgw.skel.h"

#define PUBLIC IP(203, 0, 113, 99) /* CLIENT's own */
#define PRIVATE IP(10, 0, 0, 226)  /* of the packet walk: EIP of a two-stage gateway */
#define STAGED IP(3, 224, 9, 52)   /* and what is on the wire for it */
#define ROUTER IP(192, 0, 2, 77)
#define PIECE 1480
#define LAST (4000 + 8 - 2 * PIECE)

/* ---- fixtures ---- */

static void use_one_to_one(__u32 more)
{
	const struct natgw_settings settings = {
		.mark = NATGW_MARK_DEFAULT,
		.seed = BENCH_SEED,
		.features = (__u16)(NATGW_FEATURE_ONE_TO_ONE | more),
	};

	harness_set_row(walk.bench->settings, 0, &settings);
}

static void set_address(__be32 addr, __u8 kind, __be32 peer)
{
	const struct natgw_address row = { .kind = kind, .gateway = 1, .peer = peer };

	harness_set(walk.bench->addresses, &addr, &row);
}

static int setup(void **state)
{
	walk_setup(state);
	set_address(CLIENT, NATGW_ADDRESS_MAPPED, PUBLIC);
	set_address(PUBLIC, NATGW_ADDRESS_ONE_TO_ONE, CLIENT);
	use_one_to_one(0);
	return 0;
}

/* The gateway's only EIP is a private one, which the wire never shows. */
static int setup_stages(void **state)
{
	const struct natgw_pool_row row = { .addr = PRIVATE };
	struct natgw_gateway gateway = bench_gateway();
	const __be32 eip = EIP;

	walk_setup(state);
	bpf_map_delete_elem(walk.bench->addresses, &eip);
	set_address(PRIVATE, NATGW_ADDRESS_EIP, STAGED);
	set_address(STAGED, NATGW_ADDRESS_STAGED, PRIVATE);
	harness_set_row(walk.bench->pool, NATGW_POOL_ROWS_PER_GATEWAY, &row);
	gateway.flags |= NATGW_GATEWAY_TWO_STAGE;
	gateway.fragments = NATGW_FRAGMENTS_UDP;
	bench_set_gateway(walk.bench, &gateway);
	return 0;
}

static int teardown(void **state)
{
	const __be32 ours[] = { CLIENT, PUBLIC, PRIVATE, STAGED };

	(void)state;
	bench_audit(walk.bench);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		bpf_map_delete_elem(walk.bench->addresses, &ours[i]);
	}
	bench_reset(walk.bench);
	return 0;
}

#define HOOKS(function, before)                                         \
	{ #function " (xdp)", function, before, teardown, &walk_xdp },  \
	{                                                               \
#function " (tc)", function, before, teardown, &walk_tc \
	}
#define MAPPED_TEST(function) HOOKS(function, setup)
#define STAGED_TEST(function) HOOKS(function, setup_stages)

/* ---- packets ---- */

static void require_frame(const struct spec *spec)
{
	struct frame want;

	frame_build(spec, &want);
	assert_int_equal(walk.out.len, want.len);
	assert_memory_equal(walk.out.data, want.data, want.len);
}

/* The packet goes on; nothing is new but an address, the quote, and what every router changes. */
static void require_as(const struct spec *in, struct spec want, const struct spec *quote)
{
	bool out = in->dmac == mac_int;

	assert_true(out ? walk_send(in) : walk_receive(in));
	want.quote = quote ? quote : in->quote;
	want.smac = out ? mac_ext : mac_int;
	want.dmac = out ? mac_router : mac_client;
	want.ttl_minus = 1;
	require_frame(&want);
}

static void require_out(const struct spec *in, __be32 src, const struct spec *quote)
{
	struct spec want = *in;

	want.src = src;
	require_as(in, want, quote);
}

static void require_in(const struct spec *in, __be32 dst, const struct spec *quote)
{
	struct spec want = *in;

	want.dst = dst;
	require_as(in, want, quote);
}

static void require_no_session(void)
{
	assert_int_equal(table_count(walk.bench->outbound), 0);
	assert_int_equal(table_count(walk.bench->inbound), 0);
}

/* From the host, of every protocol and kind. */
static struct spec kind_of(int kind)
{
	static const struct spec kinds[] = {
		{ .proto = PROTO_TCP, .flags = SYN },
		{ .proto = PROTO_TCP, .flags = ACK | PSH, .payload = 31, .options = 3 },
		{ .proto = PROTO_TCP, .flags = RST | ACK },
		{ .proto = PROTO_UDP, .payload = 24 },
		{ .proto = PROTO_UDP, .payload = 25, .no_check = true, .tos = 0xb8 },
		{ .proto = PROTO_ICMP, .type = TYPE_ECHO, .payload = 56 },
		{ .proto = PROTO_ICMP, .type = TYPE_ECHO_REPLY, .payload = 57 },
	};

	return kinds[kind];
}

#define KINDS 7

/* smac and dmac tell the direction. */
static struct spec between(struct spec spec, __be32 src, __be32 dst, bool out)
{
	spec.src = src;
	spec.dst = dst;
	spec.sport = out ? INT_PORT : REM_PORT;
	spec.dport = out ? REM_PORT : INT_PORT;
	spec.smac = out ? mac_client : mac_router;
	spec.dmac = out ? mac_int : mac_ext;
	return spec;
}

static struct spec outbound_kind(int kind)
{
	return between(kind_of(kind), CLIENT, REMOTE, true);
}

static struct spec inbound_kind(int kind)
{
	return between(kind_of(kind), REMOTE, PUBLIC, false);
}

/* ---- 1:1 ---- */

static void test_only_the_address_changes(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct spec out = outbound_kind(kind), in = inbound_kind(kind);

		require_out(&out, PUBLIC, NULL);
		require_in(&in, CLIENT, NULL);
	}
	require_no_session();
	assert_int_equal(walk_counted(NATGW_TRANSLATED), 2 * KINDS);
}

/* Bytes of a quote behind its IP header. */
static const __u16 quoted[] = { 8, 16, 20, 100 };

static struct spec error_of(__be32 src, __be32 dst, const struct spec *quote, __u16 len)
{
	struct spec error = between((struct spec){ .proto = PROTO_ICMP }, src, dst, src == CLIENT);

	error.type = TYPE_UNREACHABLE;
	error.code = 4;
	error.mtu = 1280;
	error.quote = quote;
	error.quote_l4 = len;
	return error;
}

/* The quote is of the host's own packet again, whoever on the way has sent the error. */
static void test_errors_in(void **state)
{
	(void)state;
	for (int i = 0; i < KINDS * 4; i++) {
		struct spec own = outbound_kind(i / 4), sent = own, error;

		sent.src = PUBLIC;
		error = error_of(i & 1 ? REMOTE : ROUTER, PUBLIC, &sent, quoted[i % 4]);
		require_in(&error, CLIENT, &own);
	}
}

/* And what the host itself says of what it got comes from its public address. */
static void test_errors_out(void **state)
{
	(void)state;
	for (int i = 0; i < KINDS * 4; i++) {
		struct spec sent = inbound_kind(i / 4), got = sent, error;

		got.dst = CLIENT;
		error = error_of(CLIENT, REMOTE, &got, quoted[i % 4]);
		require_out(&error, PUBLIC, &sent);
	}
}

/* An error whose quote is of somebody else's packet. */
static void test_forged_errors(void **state)
{
	struct spec sent = outbound_kind(3), error;

	(void)state;
	sent.src = EIP;
	error = error_of(ROUTER, PUBLIC, &sent, 8);
	assert_false(walk_receive(&error));
	sent.src = CLIENT;
	assert_false(walk_receive(&error));
	assert_int_equal(walk_counted(NATGW_DROP_ICMP_QUOTE), 2);
	sent.src = PUBLIC;
	error.bad_l4 = 1;
	assert_false(walk_receive(&error));
	assert_int_equal(walk_counted(NATGW_DROP_BAD_CHECKSUM), 1);
}

/* Three fragments of 4,000 bytes, in whatever order: each by itself. */
static struct spec fragment_of(struct spec spec, int number)
{
	spec.payload = 4000;
	spec.options = 0;
	spec.id = 0x1234;
	spec.piece = number < 2 ? PIECE : LAST;
	spec.frag = (__u16)((number < 2 ? FRAG_MF : 0) | number * PIECE / 8);
	return spec;
}

static void test_fragments(void **state)
{
	static const int order[] = { 0, 1, 2, 2, 0, 1 };

	(void)state;
	for (int kind = 1; kind < KINDS; kind += 2) {
		for (int i = 0; i < 6; i++) {
			struct spec out = fragment_of(outbound_kind(kind), order[i]);
			struct spec in = fragment_of(inbound_kind(kind), order[i]);

			require_out(&out, PUBLIC, NULL);
			require_in(&in, CLIENT, NULL);
		}
	}
	require_no_session();
}

/* The others go on sharing the EIP; the host's own sessions from before, too. */
static void test_beside_sessions(void **state)
{
	struct talk other = talk_new(PROTO_TCP), old = talk_new(PROTO_UDP);
	struct pair pair = pair_standard(PROTO_UDP, NATGW_STATE_ESTABLISHED);

	(void)state;
	other.client = CLIENT_B;
	talk_open(&other);
	assert_int_equal(other.eip, EIP);
	pair_add(walk.bench, &pair);
	assert_true(talk_send(&old, 0, 10));
	assert_int_equal(old.eip, EIP);
	assert_int_equal(old.port, EXT_PORT);
	assert_true(talk_receive(&old, 0, 10));
	old.client_port++;
	assert_true(talk_send(&old, 0, 10));
	assert_int_equal(old.eip, PUBLIC);
	assert_int_equal(old.port, INT_PORT + 1);
}

/* A TTL that ends here: the host is told by the gateway, the sender outside by the kernel. */
static void test_ttl(void **state)
{
	struct spec out = outbound_kind(3), in = inbound_kind(3);
	bool xdp = walk.hooks == &walk_xdp;

	(void)state;
	out.ttl = in.ttl = 1;
	assert_false(walk_send(&out));
	assert_int_equal(walk.answered, !xdp);
	assert_false(walk_receive(&in));
	assert_int_equal(frame_dst(&walk.out), xdp ? PUBLIC : CLIENT);
	assert_int_equal(walk_counted(NATGW_DEFER_TTL), xdp ? 2 : 0);
}

/* An internal source, or an address of natgw's own, does not come in from outside; tc tells what is
 * made up from what is hairpinned. */
static void test_spoofed_sources(void **state)
{
	static const __be32 spoofed[] = { CLIENT, CLIENT_B, PUBLIC, EIP };
	__u64 refused;

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct spec in = inbound_kind(3);

		in.src = spoofed[i];
		assert_false(walk_receive(&in));
	}
	refused = walk_counted(NATGW_DROP_SOURCE_NOT_ALLOWED) + walk_counted(NATGW_DROP_MARTIAN);
	assert_int_equal(refused + walk_counted(NATGW_DEFER_HAIRPIN), 4);
}

/* The access list stands before every translation. */
static void test_denied(void **state)
{
	const struct natgw_acl_key key = { .prefix_len = 32, .addr = REMOTE };
	const struct natgw_acl deny = { .deny = 1 };
	int acl = bpf_map__fd(walk.bench->skel->maps.acl);
	struct spec out = outbound_kind(3), in = inbound_kind(3);

	(void)state;
	harness_set(acl, &key, &deny);
	use_one_to_one(NATGW_FEATURE_ACL);
	assert_false(walk_send(&out));
	assert_false(walk_receive(&in));
	bpf_map_delete_elem(acl, &key);
	assert_int_equal(walk_counted(NATGW_DROP_ACL), 2);
	require_out(&out, PUBLIC, NULL);
}

/* At the egress of the external interface, what the kernel has routed; and its own errors. */
static void test_at_egress(void **state)
{
	struct spec spec = outbound_kind(3), got = inbound_kind(3), sent = got, error;
	struct bench_run run = { .prog = BENCH_TC_EGR, .ingress = walk.bench->int_ifindex };
	struct frame in;

	(void)state;
	frame_build(&spec, &in);
	bench_run(walk.bench, &in, &run);
	spec.src = PUBLIC;
	walk.out = run.out;
	require_frame(&spec);
	got.dst = CLIENT;
	error = error_of(HOST_IP, REMOTE, &got, 8);
	error.type = TYPE_TIME_EXCEEDED;
	error.code = error.mtu = 0;
	frame_build(&error, &in);
	run.ingress = 0;
	bench_run(walk.bench, &in, &run);
	error.src = PUBLIC;
	error.quote = &sent;
	walk.out = run.out;
	require_frame(&error);
}

/* ---- two stages ---- */

/* What leaves is what a gateway with the public address would send; the row has the private one. */
static void test_the_wire_shows_the_public_address(void **state)
{
	static const __u8 protos[] = { PROTO_TCP, PROTO_UDP, PROTO_ICMP };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct talk talk = talk_new(protos[i]);
		struct spec in, want;
		struct natgw_session row;

		assert_true(talk_begin(&talk) > 0);
		in = want = talk_outbound(&talk, ACK, 40);
		want.src = STAGED;
		want.sport = talk.port;
		require_as(&in, want, NULL);
		assert_true(talk_receive(&talk, SYN | ACK, 8));
		assert_false(talk_inbound_row(&talk, &row));
		assert_int_equal(talk.eip, STAGED);
		talk.eip = PRIVATE;
		assert_true(talk_inbound_row(&talk, &row));
	}
}

/* The private address means nothing on the wire. */
static void test_the_private_address_is_no_way_in(void **state)
{
	struct talk talk = talk_new(PROTO_UDP);
	struct spec sent, error;

	(void)state;
	assert_true(talk_begin(&talk) > 0);
	talk.eip = PRIVATE;
	assert_false(talk_receive(&talk, 0, 8));
	sent = talk_outbound(&talk, 0, 8);
	sent.src = PRIVATE;
	sent.sport = talk.port;
	error = error_of(ROUTER, PUBLIC, &sent, 8);
	error.dst = PRIVATE;
	assert_false(walk_receive(&error));
	error.dst = STAGED;
	assert_false(walk_receive(&error));
	talk.eip = STAGED;
	assert_true(talk_receive(&talk, 0, 8));
}

static void test_errors_pass_both_stages(void **state)
{
	struct talk talk = talk_new(PROTO_UDP);
	struct spec own, sent, error;

	(void)state;
	assert_true(talk_begin(&talk) > 0);
	own = talk_outbound(&talk, 0, 8);
	sent = own;
	sent.src = STAGED;
	sent.sport = talk.port;
	error = error_of(ROUTER, PUBLIC, &sent, 16);
	error.dst = STAGED;
	require_in(&error, CLIENT, &own);
	assert_true(talk_receive(&talk, 0, 8));
	sent = talk_inbound(&talk, 0, 8);
	own = sent;
	own.dst = CLIENT;
	own.dport = INT_PORT;
	error = error_of(CLIENT, REMOTE, &own, 16);
	require_out(&error, STAGED, &sent);
}

static void test_fragments_pass_both_stages(void **state)
{
	struct talk talk = talk_new(PROTO_UDP);

	(void)state;
	assert_true(talk_begin(&talk) > 0);
	for (int i = 0; i < 3; i++) {
		struct spec out = fragment_of(talk_outbound(&talk, 0, 8), i);
		struct spec in = fragment_of(talk_inbound(&talk, 0, 8), i);

		assert_true(walk_send(&out));
		assert_int_equal(frame_src(&walk.out), STAGED);
		assert_true(walk_receive(&in));
		assert_int_equal(frame_dst(&walk.out), CLIENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAPPED_TEST(test_only_the_address_changes),
		MAPPED_TEST(test_errors_in),
		MAPPED_TEST(test_errors_out),
		MAPPED_TEST(test_forged_errors),
		MAPPED_TEST(test_fragments),
		MAPPED_TEST(test_beside_sessions),
		MAPPED_TEST(test_ttl),
		MAPPED_TEST(test_spoofed_sources),
		MAPPED_TEST(test_denied),
		MAPPED_TEST(test_at_egress),
		STAGED_TEST(test_the_wire_shows_the_public_address),
		STAGED_TEST(test_the_private_address_is_no_way_in),
		STAGED_TEST(test_errors_pass_both_stages),
		STAGED_TEST(test_fragments_pass_both_stages),
	};
	int failed;

	walk.bench = bench_open(4096);
	failed = cmocka_run_group_tests_name("one to one", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
