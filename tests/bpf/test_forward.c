// SPDX-License-Identifier: GPL-2.0-only
/* Port forwards: who may begin, what the session is then, and what could cross. */
#include "inside.h"
#include "race.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

/* ---- a session like any other ---- */

static void test_tcp(void **state)
{
	struct talk talk = inside_forwarded(PROTO_TCP);

	(void)state;
	assert_true(talk_receive(&talk, SYN, 0));
	talk_require(&talk, NATGW_STATE_OPENING, 0);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 1);
	assert_true(talk_send(&talk, SYN | ACK, 0));
	talk_require(&talk, NATGW_STATE_OPENING, NATGW_SEEN_SYN_ACK_OUT);
	assert_true(talk_receive(&talk, ACK, 0));
	talk_require(&talk, NATGW_STATE_ESTABLISHED, NATGW_SEEN_SYN_ACK_OUT | NATGW_SEEN_HANDSHAKE);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 0);
	assert_true(talk_receive(&talk, ACK | PSH, 1000));
	assert_true(talk_send(&talk, ACK | PSH, 1000));
	assert_int_equal(talk.port, INSIDE_PORT);
	assert_true(talk_send(&talk, FIN | ACK, 0));
	assert_true(talk_receive(&talk, FIN | ACK, 0));
	assert_true(talk_send(&talk, ACK, 0));
	talk_require(&talk, NATGW_STATE_HOLD,
		     NATGW_SEEN_SYN_ACK_OUT | NATGW_SEEN_HANDSHAKE | NATGW_SEEN_FIN_OUT |
			     NATGW_SEEN_FIN_IN);
	assert_int_equal(walk_traffic()->created[NATGW_PROTO_TCP], 1);
	assert_int_equal(walk_traffic()->established[NATGW_PROTO_TCP], 1);
	inside_require_rows(1);
	walk_judge(0);
}

/* The reply is the internal host's, however often the remote endpoint sends. */
static void test_udp(void **state)
{
	struct talk talk = inside_forwarded(PROTO_UDP);

	(void)state;
	assert_true(talk_receive(&talk, 0, 100));
	assert_true(talk_receive(&talk, 0, 0));
	talk_require(&talk, NATGW_STATE_OPENING, NATGW_SEEN_REMOTE_FIRST);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 1);
	assert_true(talk_send(&talk, 0, 100));
	assert_int_equal(talk.port, INSIDE_PORT);
	talk_require(&talk, NATGW_STATE_ESTABLISHED, NATGW_SEEN_REMOTE_FIRST | TALK_SEEN_OPEN);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 0);
	assert_int_equal(walk_traffic()->established[NATGW_PROTO_UDP], 1);
	inside_require_rows(1);
}

static void test_remote_endpoints_do_not_meet(void **state)
{
	static const __be32 remotes[] = { REMOTE, REMOTE_B, IP(198, 51, 101, 1) };
	struct talk talks[12];
	__u32 count = 0;

	(void)state;
	for (__u16 i = 0; i < 12; i++) {
		talks[i] = inside_forwarded(i & 1 ? PROTO_TCP : PROTO_UDP);
		talks[i].remote = remotes[i / 2 % 3];
		talks[i].remote_port = (__u16)(INSIDE_REMOTE_PORT + i / 6);
		inside_open_forwarded(&talks[i]);
		count++;
	}
	inside_require_rows(count);
	for (__u16 i = 0; i < 12; i++) {
		assert_true(talk_send(&talks[i], ACK, 10));
		assert_int_equal(frame_dst(&walk.out), talks[i].remote);
		assert_true(talk_receive(&talks[i], ACK, 10));
	}
}

/* ---- who may begin ---- */

static void test_only_a_syn(void **state)
{
	static const __u8 flags[] = { 0,	 ACK,	    SYN | ACK,	    FIN,
				      FIN | ACK, RST,	    RST | ACK,	    PSH | ACK,
				      SYN | FIN, SYN | RST, SYN | ACK | FIN };

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct talk talk = inside_forwarded(PROTO_TCP);

		assert_false(talk_receive(&talk, flags[i], 0));
		assert_false(walk.answered);
	}
	inside_require_rows(0);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 0);
	assert_int_equal(walk_counted(NATGW_DROP_NO_SESSION), sizeof(flags));
}

static void test_only_what_is_forwarded(void **state)
{
	struct talk talk = inside_forwarded(PROTO_TCP);

	(void)state;
	talk.port = INSIDE_PORT + 1;
	assert_false(talk_receive(&talk, SYN, 0));
	talk.port = INSIDE_PORT;
	talk.eip = EIP_B;
	assert_false(talk_receive(&talk, SYN, 0));
	talk = inside_forwarded(PROTO_ICMP);
	assert_false(talk_receive(&talk, 0, 8));
	inside_forward_remove(PROTO_UDP, EIP, INSIDE_PORT);
	talk = inside_forwarded(PROTO_UDP);
	assert_false(talk_receive(&talk, 0, 8));
	assert_int_equal(walk_counted(NATGW_DROP_NO_SESSION), 4);
	inside_require_rows(0);
	talk = inside_forwarded(PROTO_TCP);
	inside_open_forwarded(&talk);
}

/* Threats 20 to 22: from outside nobody begins in the name of an internal host, or of ours. */
static void test_nobody_lies_about_the_source(void **state)
{
	static const __be32 sources[] = { CLIENT, CLIENT_B, IP(10, 0, 2, 9), EIP, EIP_B };

	(void)state;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		for (int k = 0; k < 2; k++) {
			struct talk talk = inside_forwarded(k ? PROTO_TCP : PROTO_UDP);

			talk.remote = sources[i];
			assert_false(talk_receive(&talk, SYN, 0));
		}
	}
	inside_require_rows(0);
	/* What says to come from an EIP may be hairpinned, and only tc can tell. */
	assert_int_equal(walk_counted(NATGW_DEFER_HAIRPIN), walk.hooks == &walk_xdp ? 4 : 0);
	assert_int_equal(walk_counted(NATGW_DROP_SOURCE_NOT_ALLOWED) +
				 walk_counted(NATGW_DROP_MARTIAN) +
				 walk_counted(NATGW_DEFER_HAIRPIN),
			 10);
}

static void test_not_while_the_gateway_is_away(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct talk talk = inside_forwarded(PROTO_TCP), other = inside_forwarded(PROTO_TCP);

	(void)state;
	inside_open_forwarded(&talk);
	gateway.state = NATGW_GATEWAY_FAILED;
	bench_set_gateway(walk.bench, &gateway);
	other.remote = REMOTE_B;
	assert_false(talk_receive(&other, SYN, 0));
	inside_require_rows(1);
	gateway.state = NATGW_GATEWAY_AVAILABLE;
	bench_set_gateway(walk.bench, &gateway);
	inside_open_forwarded(&other);
}

/* An EIP that is taken out keeps its sessions and begins none. */
static void test_draining(void **state)
{
	struct natgw_address address = { .kind = NATGW_ADDRESS_EIP, .gateway = 1, .draining = 1 };
	struct talk talk = inside_forwarded(PROTO_TCP), other = inside_forwarded(PROTO_TCP);
	__be32 eip = EIP;

	(void)state;
	inside_open_forwarded(&talk);
	address.drain_until = bench_now(walk.bench) + 100 * NATGW_TICKS_PER_SECOND;
	bpf_map_update_elem(walk.bench->addresses, &eip, &address, BPF_ANY);
	other.remote = REMOTE_B;
	assert_false(talk_receive(&other, SYN, 0));
	assert_true(talk_receive(&talk, ACK, 10));
	assert_true(talk_send(&talk, ACK, 10));
	inside_require_rows(1);
}

/* ---- what could cross ---- */

/* Two forwards to one endpoint: to the host both sessions would look the same. */
static void test_two_forwards_of_one_endpoint(void **state)
{
	struct talk first = inside_forwarded(PROTO_TCP), second = inside_forwarded(PROTO_TCP);

	(void)state;
	inside_forward(PROTO_TCP, EIP, INSIDE_PORT + 1, CLIENT, INT_PORT);
	inside_open_forwarded(&first);
	second.port = INSIDE_PORT + 1;
	assert_false(talk_receive(&second, SYN, 0));
	inside_require_rows(1);
	walk_judge(0);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 1);
	assert_true(talk_send(&first, ACK | PSH, 10));
	assert_int_equal(first.port, INSIDE_PORT);
	assert_true(talk_receive(&first, ACK | PSH, 10));
	second.remote_port++;
	inside_open_forwarded(&second);
	inside_require_rows(2);
}

/* The client has a session of its own with that remote endpoint, from that port. */
static void test_the_client_was_first(void **state)
{
	struct talk own = talk_new(PROTO_UDP), talk = inside_forwarded(PROTO_UDP);
	__u16 port;

	(void)state;
	own.remote_port = INSIDE_REMOTE_PORT;
	talk_open(&own);
	port = own.port;
	assert_false(talk_receive(&talk, 0, 8));
	inside_require_rows(1);
	walk_judge(0);
	assert_true(talk_send(&own, 0, 8));
	assert_int_equal(own.port, port);
	assert_true(talk_receive(&own, 0, 8));
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 1);
}

/* And the other way round: what the client sends belongs to the session that is there. */
static void test_the_remote_was_first(void **state)
{
	struct talk talk = inside_forwarded(PROTO_UDP);

	(void)state;
	assert_true(talk_receive(&talk, 0, 8));
	assert_true(talk_send(&talk, 0, 8));
	assert_int_equal(talk.port, INSIDE_PORT);
	talk.remote = REMOTE_B;
	assert_true(talk_send(&talk, 0, 8));
	assert_int_not_equal(talk.port, INSIDE_PORT);
	inside_require_rows(2);
	walk_judge(0);
}

struct contest {
	struct frame in;
	struct bench_run run[2];
	unsigned int lost, differ;
};

static void race_before(struct race *race, unsigned int round)
{
	struct contest *data = race->data;
	struct talk talk = inside_forwarded(round & 1 ? PROTO_TCP : PROTO_UDP);
	struct spec spec;

	talk.remote_port = (__u16)(1024 + round / 2);
	spec = talk_inbound(&talk, SYN, 0);
	frame_build(&spec, &data->in);
	memset(data->run, 0, sizeof(data->run));
	data->run[0].prog = walk.hooks->external;
	data->run[1].prog = walk.hooks->external;
}

static void race_turn_0(struct race *race, unsigned int round)
{
	struct contest *data = race->data;

	(void)round;
	bench_run(race->bench, &data->in, &data->run[0]);
}

static void race_turn_1(struct race *race, unsigned int round)
{
	struct contest *data = race->data;

	(void)round;
	bench_run(race->bench, &data->in, &data->run[1]);
}

static void race_after(struct race *race, unsigned int round)
{
	struct contest *data = race->data;

	(void)round;
	for (int i = 0; i < 2; i++) {
		/* XDP leaves what is not ready to tc. */
		data->lost += data->run[i].retval != walk.hooks->forwarded &&
			      !(walk.hooks == &walk_xdp && data->run[i].retval == ACTION_XDP_PASS);
	}
	data->differ += data->run[0].retval == walk.hooks->forwarded &&
			data->run[1].retval == walk.hooks->forwarded &&
			memcmp(data->run[0].out.data, data->run[1].out.data, FRAME_ETH + 40) != 0;
}

/* A remote endpoint's first packet on two CPUs at once: one session, and both get through. */
static void test_race(void **state)
{
	struct contest *data = test_calloc(1, sizeof(*data));
	struct race race = {
		.bench = walk.bench,
		.rounds = 4000,
		.before = race_before,
		.after = race_after,
		.turn = { race_turn_0, race_turn_1 },
		.data = data,
	};

	(void)state;
	race_run(&race);
	inside_require_rows(4000);
	walk_judge(0);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 4000);
	assert_int_equal(data->differ, 0);
	assert_int_equal(data->lost, 0);
	assert_true(race.met > 0);
	test_free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		INSIDE_TEST(test_tcp),
		INSIDE_TEST(test_udp),
		INSIDE_TEST(test_remote_endpoints_do_not_meet),
		INSIDE_TEST(test_only_a_syn),
		INSIDE_TEST(test_only_what_is_forwarded),
		INSIDE_TEST(test_nobody_lies_about_the_source),
		INSIDE_TEST(test_not_while_the_gateway_is_away),
		INSIDE_TEST(test_draining),
		INSIDE_TEST(test_two_forwards_of_one_endpoint),
		INSIDE_TEST(test_the_client_was_first),
		INSIDE_TEST(test_the_remote_was_first),
		INSIDE_TEST(test_race),
	};
	int failed;

	walk.bench = bench_open(4096);
	failed = cmocka_run_group_tests_name("forward", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
