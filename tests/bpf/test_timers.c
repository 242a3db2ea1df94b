// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every timer of every profile, a second before and a second after its time: how long a session
 * lives, and how long its port is held for its destination after every way to end.
 */
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* The table of the design, in seconds: half-open, established, UDP without and with a reply, ICMP;
 * then held: FIN, RST, half-open, UDP, TCP idle, ICMP. */
static const struct profile {
	const char *name;
	__u32 seconds[NATGW_TIMER_COUNT];
} profiles[] = {
	{ "natgw", { 30, 350, 30, 350, 60, 65, 16, 30, 65, 0, 0 } },
	{ "aws", { 30, 350, 350, 350, 60, 60, 60, 30, 0, 0, 0 } },
	{ "azure", { 30, 240, 240, 240, 60, 65, 16, 30, 65, 0, 0 } },
	{ "gcp", { 30, 1200, 30, 30, 30, 120, 30, 30, 0, 0, 0 } },
	{ "rfc", { 240, 7440, 120, 300, 60, 120, 240, 120, 120, 0, 0 } },
	/* None of the clouds holds a port after these. */
	{ "held", { 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110 } },
};

#define PROFILES (sizeof(profiles) / sizeof(profiles[0]))

static void use_profile(const struct profile *profile, __u32 ports)
{
	struct natgw_gateway gateway = bench_gateway();

	bench_range(&gateway, EXT_PORT, ports, 0);
	bench_timers(gateway.timeout, profile->seconds);
	bench_set_gateway(walk.bench, &gateway);
}

/* ---- the ways to end ---- */

static void play_client_fin_first(struct talk *talk)
{
	talk_open(talk);
	assert_true(talk_send(talk, FIN | ACK, 0));
	assert_true(talk_receive(talk, ACK, 0));
	assert_true(talk_receive(talk, FIN | ACK, 0));
	assert_true(talk_send(talk, ACK, 0));
}

static void play_server_fin_first(struct talk *talk)
{
	talk_open(talk);
	assert_true(talk_receive(talk, FIN | ACK, 0));
	assert_true(talk_send(talk, ACK, 0));
	assert_true(talk_send(talk, FIN | ACK, 0));
	assert_true(talk_receive(talk, ACK, 0));
}

static void play_fins_cross(struct talk *talk)
{
	__u32 seq;

	talk_open(talk);
	seq = talk->next_out;
	assert_true(talk_receive(talk, FIN | ACK, 0));
	/* It had left before the other one came. */
	talk->next_in--;
	assert_true(talk_send_at(talk, FIN | ACK, 0, seq));
	talk->next_in++;
	talk->next_out++;
	assert_true(talk_send(talk, ACK, 0));
	assert_true(talk_receive(talk, ACK, 0));
}

static void play_client_rst(struct talk *talk)
{
	talk_open(talk);
	assert_true(talk_send(talk, RST | ACK, 0));
}

static void play_server_rst(struct talk *talk)
{
	talk_open(talk);
	assert_true(talk_receive(talk, RST, 0));
}

static void play_refused(struct talk *talk)
{
	assert_true(talk_begin(talk) > 0);
	assert_true(talk_receive_at(talk, RST | ACK, 0, 0));
}

static void play_begin(struct talk *talk)
{
	assert_true(talk_begin(talk) > 0);
}

static void play_no_last_ack(struct talk *talk)
{
	assert_true(talk_begin(talk) > 0);
	assert_true(talk_receive(talk, SYN | ACK, 0));
}

static void play_client_fin_alone(struct talk *talk)
{
	talk_open(talk);
	assert_true(talk_send(talk, FIN | ACK, 0));
	assert_true(talk_receive(talk, ACK, 0));
}

static void play_server_fin_alone(struct talk *talk)
{
	talk_open(talk);
	assert_true(talk_receive(talk, FIN | ACK, 0));
	assert_true(talk_send(talk, ACK, 0));
}

#define NONE NATGW_TIMER_COUNT

static const struct ending {
	const char *name;
	__u8 proto;
	void (*play)(struct talk *talk);
	enum natgw_timer idle; /* NONE: ends at once */
	enum natgw_timer hold;
} endings[] = {
	{ "FIN, the client's first", PROTO_TCP, play_client_fin_first, NONE, NATGW_TIMER_HOLD_FIN },
	{ "FIN, the server's first", PROTO_TCP, play_server_fin_first, NONE, NATGW_TIMER_HOLD_FIN },
	{ "FINs that cross", PROTO_TCP, play_fins_cross, NONE, NATGW_TIMER_HOLD_FIN },
	{ "RST of the client", PROTO_TCP, play_client_rst, NONE, NATGW_TIMER_HOLD_RST },
	{ "RST of the server", PROTO_TCP, play_server_rst, NONE, NATGW_TIMER_HOLD_RST },
	{ "RST to a SYN", PROTO_TCP, play_refused, NONE, NATGW_TIMER_HOLD_RST },
	{ "SYN alone", PROTO_TCP, play_begin, NATGW_TIMER_TCP_HALF_OPEN,
	  NATGW_TIMER_HOLD_HALF_OPEN },
	{ "no last ACK", PROTO_TCP, play_no_last_ack, NATGW_TIMER_TCP_HALF_OPEN,
	  NATGW_TIMER_HOLD_HALF_OPEN },
	{ "TCP idle", PROTO_TCP, talk_open, NATGW_TIMER_TCP_ESTABLISHED,
	  NATGW_TIMER_HOLD_TCP_IDLE },
	{ "the client's FIN alone", PROTO_TCP, play_client_fin_alone, NATGW_TIMER_TCP_ESTABLISHED,
	  NATGW_TIMER_HOLD_TCP_IDLE },
	{ "the server's FIN alone", PROTO_TCP, play_server_fin_alone, NATGW_TIMER_TCP_ESTABLISHED,
	  NATGW_TIMER_HOLD_TCP_IDLE },
	{ "UDP without a reply", PROTO_UDP, play_begin, NATGW_TIMER_UDP_UNREPLIED,
	  NATGW_TIMER_HOLD_UDP },
	{ "UDP", PROTO_UDP, talk_open, NATGW_TIMER_UDP_REPLIED, NATGW_TIMER_HOLD_UDP },
	{ "ICMP without a reply", PROTO_ICMP, play_begin, NATGW_TIMER_ICMP, NATGW_TIMER_HOLD_ICMP },
	{ "ICMP", PROTO_ICMP, talk_open, NATGW_TIMER_ICMP, NATGW_TIMER_HOLD_ICMP },
};

#define ENDINGS (sizeof(endings) / sizeof(endings[0]))

/* ---- how long the port is held ---- */

enum sweeping {
	SWEEP_NEVER,
	SWEEP_OFTEN, /* whenever the clock has moved */
	SWEEPINGS,
};

static void pass(__s64 seconds, enum sweeping sweeping)
{
	walk_seconds(seconds);
	if (sweeping == SWEEP_OFTEN) {
		bench_sweep(walk.bench);
	}
}

/* Another client to the same destination: true when it got the only port. */
static bool gets_port(const struct ending *ending, __be32 remote)
{
	struct talk other = talk_new(ending->proto);

	other.client = CLIENT_B;
	other.remote = remote;
	return talk_begin(&other) == EXT_PORT;
}

static void require(bool condition, const struct profile *profile, const struct ending *ending,
		    const char *what)
{
	if (!condition) {
		fail_msg("%s, %s: %s", profile->name, ending->name, what);
	}
}

static void run_hold(const struct profile *profile, const struct ending *ending,
		     enum sweeping sweeping)
{
	struct talk talk = talk_new(ending->proto);
	__u32 idle = ending->idle == NONE ? 0 : profile->seconds[ending->idle];
	__u32 held = idle + profile->seconds[ending->hold];

	walk_again();
	use_profile(profile, 1);
	ending->play(&talk);
	require(talk.port == EXT_PORT, profile, ending, "no session");
	if (held) {
		require(!gets_port(ending, REMOTE), profile, ending, "not held at all");
		pass(held / 2, sweeping);
		require(!gets_port(ending, REMOTE), profile, ending, "not held half the time");
		pass(held - held / 2 - 1, sweeping);
		require(!gets_port(ending, REMOTE), profile, ending, "free a second too early");
	}
	require(gets_port(ending, REMOTE_B), profile, ending, "held for another destination");
	pass(held ? 2 : 1, sweeping);
	require(gets_port(ending, REMOTE), profile, ending, "not free a second later");
}

static void run_holds(enum sweeping sweeping)
{
	for (size_t i = 0; i < PROFILES; i++) {
		for (size_t k = 0; k < ENDINGS; k++) {
			run_hold(&profiles[i], &endings[(i + k) % ENDINGS], sweeping);
		}
		bench_audit(walk.bench);
	}
}

static void test_held_ports(void **state)
{
	(void)state;
	run_holds(SWEEP_NEVER);
}

static void test_held_ports_with_sweeps(void **state)
{
	(void)state;
	run_holds(SWEEP_OFTEN);
}

/* ---- how long the session lives ---- */

/* Does a packet of this direction come through so long after the session's last one? */
static bool lives(const struct profile *profile, const struct ending *ending, __u32 seconds,
		  bool outbound)
{
	struct talk talk = talk_new(ending->proto);

	walk_again();
	use_profile(profile, 2);
	ending->play(&talk);
	walk_seconds(seconds);
	if (outbound) {
		__u16 port = talk.port;

		return talk_send(&talk, ACK, 1) && talk.port == port;
	}
	return talk_receive(&talk, ACK, 1);
}

static void test_idle_sessions(void **state)
{
	(void)state;
	for (size_t i = 0; i < PROFILES * ENDINGS; i++) {
		const struct profile *profile = &profiles[i / ENDINGS];
		const struct ending *ending = &endings[i % ENDINGS];
		bool tcp = ending->proto == PROTO_TCP;
		__u32 idle = ending->idle == NONE ? 0 : profile->seconds[ending->idle];

		if (!idle) {
			continue;
		}
		require(lives(profile, ending, idle - 1, false), profile, ending, "inbound, early");
		require(lives(profile, ending, idle - 1, true), profile, ending, "outbound, early");
		require(!lives(profile, ending, idle + 1, false), profile, ending, "inbound, late");
		/* UDP and ICMP begin anew, maybe by the same port when it is not held. */
		require(!tcp || !lives(profile, ending, idle + 1, true), profile, ending,
			"outbound, late");
	}
}

/* ---- what does not move these times ---- */

/* Late packets of a connection that is over come through and prolong nothing. */
static void test_late_packets_do_not_prolong(void **state)
{
	const struct ending *ending = &endings[0];
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	use_profile(&profiles[0], 1);
	ending->play(&talk);
	for (int i = 0; i < 8; i++) {
		walk_seconds(8);
		assert_true(talk_receive_at(&talk, FIN | ACK, 0, talk.next_in - 1));
		assert_true(talk_send(&talk, ACK, 0));
		assert_true(talk_send(&talk, RST, 0));
		assert_true(talk_receive(&talk, RST, 0));
		assert_false(gets_port(ending, REMOTE));
	}
	/* 64 of 65 seconds are over. */
	walk_seconds(2);
	assert_false(talk_receive_at(&talk, FIN | ACK, 0, talk.next_in - 1));
	assert_int_equal(walk_counted(NATGW_DROP_NO_SESSION), 1);
	assert_true(gets_port(ending, REMOTE));
}

/* RFC 7857: neither a RST nor an ICMP error of the client keeps a session alive. */
static void test_rst_and_errors_do_not_refresh(void **state)
{
	struct talk talk = talk_new(PROTO_TCP), udp = talk_new(PROTO_UDP);
	struct spec quoted, error = walk_outbound(PROTO_ICMP, 0);

	(void)state;
	use_profile(&profiles[0], 2);
	talk_open(&talk);
	talk_open(&udp);
	quoted = talk_inbound(&udp, 0, 8);
	quoted.dst = CLIENT;
	quoted.dport = INT_PORT;
	error.type = TYPE_UNREACHABLE;
	error.code = 3;
	error.quote = &quoted;
	error.quote_l4 = 8;
	walk_seconds(349);
	assert_true(walk_send(&error));
	/* Not the number that the server must have: anybody may have sent it. */
	assert_true(talk_receive_at(&talk, RST, 0, talk.next_in + 5));
	talk_require(&talk, NATGW_STATE_ESTABLISHED, TALK_SEEN_OPEN);
	walk_seconds(2);
	assert_false(walk_send(&error));
	assert_false(talk_receive(&talk, ACK, 1));
	assert_false(talk_receive(&udp, 0, 1));
}

/* A RST again does not begin the hold-down anew. */
static void test_second_rst(void **state)
{
	const struct ending *ending = &endings[3];
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	use_profile(&profiles[0], 1);
	ending->play(&talk);
	walk_seconds(15);
	assert_true(talk_send(&talk, RST | ACK, 0));
	assert_true(talk_receive(&talk, RST, 0));
	walk_seconds(2);
	assert_true(gets_port(ending, REMOTE));
}

static void test_refresh_by_the_client_only(void **state)
{
	struct natgw_gateway gateway;
	struct talk talk = talk_new(PROTO_UDP);

	(void)state;
	use_profile(&profiles[0], 2);
	gateway = bench_gateway();
	bench_timers(gateway.timeout, profiles[0].seconds);
	gateway.flags = NATGW_GATEWAY_REFRESH_OUTBOUND;
	bench_set_gateway(walk.bench, &gateway);
	talk_open(&talk);
	for (int i = 0; i < 3; i++) {
		walk_seconds(340);
		assert_true(talk_receive(&talk, 0, 1));
		assert_true(talk_send(&talk, 0, 1));
	}
	for (int i = 0; i < 3; i++) {
		walk_seconds(110);
		assert_true(talk_receive(&talk, 0, 1));
	}
	walk_seconds(21);
	assert_false(talk_receive(&talk, 0, 1));
}

/* A rule's timers stand in place of the gateway's; whose session it is was decided at its start. */
static void test_timers_of_a_rule(void **state)
{
	struct natgw_rule rule = { .dst = REMOTE_B,
				   .dst_mask = 0xffffffff,
				   .proto = PROTO_UDP,
				   .port_last = 65535,
				   .used = 1 };
	struct talk talk = talk_new(PROTO_UDP), other = talk;
	const __u32 seconds[NATGW_TIMER_COUNT] = { 5, 50, 100, 1000, 7, 1, 2, 3, 200, 4, 6 };

	(void)state;
	use_profile(&profiles[0], 1);
	bench_timers(rule.timeout, seconds);
	bench_set_rules(walk.bench, &rule, 1);
	talk.remote = REMOTE_B;
	assert_true(talk_begin(&talk) > 0);
	assert_true(talk_begin(&other) > 0);
	walk_seconds(99);
	assert_true(talk_receive(&talk, 0, 1));
	assert_false(talk_receive(&other, 0, 1));
	bench_set_rules(walk.bench, NULL, 0);
	walk_seconds(999);
	assert_true(talk_receive(&talk, 0, 1));
	walk_seconds(1001);
	assert_false(talk_receive(&talk, 0, 1));
	walk_seconds(198);
	assert_false(gets_port(&endings[11], REMOTE_B));
	walk_seconds(2);
	assert_true(gets_port(&endings[11], REMOTE_B));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_held_ports),
		WALK_TEST(test_held_ports_with_sweeps),
		WALK_TEST(test_idle_sessions),
		WALK_TEST(test_late_packets_do_not_prolong),
		WALK_TEST(test_rst_and_errors_do_not_refresh),
		WALK_TEST(test_second_rst),
		WALK_TEST(test_refresh_by_the_client_only),
		WALK_TEST(test_timers_of_a_rule),
	};
	int failed;

	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("timers", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
