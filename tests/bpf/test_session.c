// SPDX-License-Identifier: GPL-2.0-only
/* The life of a session: its states, its timers, the sweep. Time is moved, never waited for.
 */
#include "audit.h"
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define SECOND ((__s64)NATGW_TICKS_PER_SECOND)

#define OPEN TALK_SEEN_OPEN

static void test_tcp_handshake(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);
	__u16 port = talk_begin(&talk);

	(void)state;
	assert_true(port >= NATGW_PORT_FIRST);
	talk_require(&talk, NATGW_STATE_OPENING, 0);
	assert_int_equal(talk_begin(&talk), port);
	assert_true(talk_receive(&talk, SYN | ACK, 0));
	talk_require(&talk, NATGW_STATE_OPENING, NATGW_SEEN_REPLY);
	assert_true(talk_send(&talk, ACK, 0));
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
	assert_true(talk_receive(&talk, ACK | PSH, 100));
	assert_true(talk_send(&talk, ACK | PSH, 100));
	assert_int_equal(talk.port, port);
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
	assert_int_equal(walk_traffic()->created[NATGW_PROTO_TCP], 1);
	assert_int_equal(walk_traffic()->established[NATGW_PROTO_TCP], 1);
	assert_int_equal(walk_counted(NATGW_TRANSLATED), 6);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 1);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 0);
	walk_judge(0);
}

static void test_tcp_needs_the_whole_handshake(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	assert_true(talk_begin(&talk) > 0);
	/* Neither an ACK before the SYN-ACK nor an ACK from outside opens it. */
	assert_true(talk_send(&talk, ACK, 0));
	assert_true(talk_receive(&talk, ACK, 0));
	assert_true(talk_send(&talk, ACK, 0));
	talk_require(&talk, NATGW_STATE_OPENING, 0);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 1);
	assert_true(talk_receive(&talk, SYN | ACK, 0));
	assert_true(talk_send(&talk, RST | ACK, 0));
	talk_require(&talk, NATGW_STATE_HOLD, NATGW_SEEN_REPLY | NATGW_SEEN_RST);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 0);
	assert_int_equal(walk_traffic()->established[NATGW_PROTO_TCP], 0);
	walk_judge(0);
}

/* One side's FIN leaves the connection open; the second one ends it. */
static void test_tcp_fins(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	talk_open(&talk);
	assert_true(talk_receive(&talk, FIN | ACK, 0));
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN | NATGW_SEEN_FIN_IN);
	assert_true(talk_send(&talk, ACK | PSH, 500));
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN | NATGW_SEEN_FIN_IN);
	walk_seconds(349);
	assert_true(talk_send(&talk, FIN | ACK, 0));
	talk_require(&talk, NATGW_STATE_HOLD, OPEN | NATGW_SEEN_FIN_IN | NATGW_SEEN_FIN_OUT);
	assert_true(talk_receive(&talk, ACK, 0));
	talk_require(&talk, NATGW_STATE_HOLD, OPEN | NATGW_SEEN_FIN_IN | NATGW_SEEN_FIN_OUT);
	walk_judge(0);
}

/* From outside: only with the number that the client has acknowledged. */
static void test_tcp_rst_must_be_plausible(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	talk_open(&talk);
	assert_true(talk_receive(&talk, ACK, 1000));
	assert_true(talk_receive_at(&talk, RST, 0, talk.next_in));
	assert_true(talk_receive_at(&talk, RST, 0, talk.next_in - 1001));
	assert_true(talk_receive_at(&talk, RST, 0, 0));
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
	assert_true(talk_send(&talk, ACK, 0));
	assert_true(talk_receive_at(&talk, RST, 0, talk.next_in));
	talk_require(&talk, NATGW_STATE_HOLD, OPEN | NATGW_SEEN_RST);
	/* Data revives it, from either side. */
	assert_true(talk_send(&talk, ACK, 10));
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
	assert_true(talk_send(&talk, RST, 0));
	talk_require(&talk, NATGW_STATE_HOLD, OPEN | NATGW_SEEN_RST);
	assert_true(talk_receive(&talk, ACK, 10));
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
	walk_judge(0);
}

/* A port where nobody listens: its RST has number 0, and acknowledges the SYN. */
static void test_tcp_refused_connection(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	assert_true(talk_begin(&talk) > 0);
	assert_true(talk_receive_at(&talk, RST | ACK, 0, 0));
	talk_require(&talk, NATGW_STATE_HOLD, NATGW_SEEN_RST);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 0);
	/* A SYN does not revive: it gets another port. */
	walk_judge(0);
}

static void require_reply_establishes(__u8 proto, __u32 index)
{
	struct talk talk = talk_new(proto);
	__u16 port = talk_begin(&talk);

	talk_require(&talk, NATGW_STATE_OPENING, 0);
	assert_true(talk_send(&talk, 0, 8));
	talk_require(&talk, NATGW_STATE_OPENING, 0);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 1);
	assert_true(talk_receive(&talk, 0, 8));
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 0);
	assert_true(talk_receive(&talk, 0, 8));
	assert_true(talk_send(&talk, 0, 8));
	assert_int_equal(talk.port, port);
	assert_int_equal(walk_traffic()->established[index], 1);
	assert_int_equal(table_count(walk.bench->outbound), 1);
	walk_judge(0);
}

static void test_udp_reply(void **state)
{
	(void)state;
	require_reply_establishes(PROTO_UDP, NATGW_PROTO_UDP);
}

static void test_icmp_reply(void **state)
{
	(void)state;
	require_reply_establishes(PROTO_ICMP, NATGW_PROTO_ICMP);
}

/* An error neither refreshes a session nor changes it. */
static void test_error_does_not_refresh(void **state)
{
	struct talk talk = talk_new(PROTO_UDP);
	struct spec quoted, error = walk_inbound(PROTO_ICMP, 0, 0);

	(void)state;
	assert_true(talk_begin(&talk) > 0);
	quoted = talk_outbound(&talk, 0, 8);
	quoted.src = EIP;
	quoted.sport = talk.port;
	error.type = TYPE_UNREACHABLE;
	error.code = 3;
	error.quote = &quoted;
	error.quote_l4 = 8;
	walk_seconds(39);
	assert_true(walk_receive(&error));
	talk_require(&talk, NATGW_STATE_OPENING, 0);
	walk_seconds(2);
	assert_false(walk_receive(&error));
	assert_int_equal(walk_counted(NATGW_DROP_ICMP_QUOTE), 1);
}

/* ---- expiry ---- */

static const struct timer {
	__u8 proto;
	__u8 state;
	__u32 seconds;
	__u32 hold;
	__u32 drop; /* of an outbound packet that comes too late; 0: it makes a new session */
} timers[] = {
	{ PROTO_TCP, NATGW_STATE_OPENING, 30, 20, NATGW_DROP_TCP_NO_SYN },
	{ PROTO_TCP, NATGW_STATE_ESTABLISHED, 350, 5, NATGW_DROP_TCP_NO_SYN },
	{ PROTO_UDP, NATGW_STATE_OPENING, 40, 45, 0 },
	{ PROTO_UDP, NATGW_STATE_ESTABLISHED, 300, 45, 0 },
	{ PROTO_ICMP, NATGW_STATE_OPENING, 60, 3, 0 },
	{ PROTO_ICMP, NATGW_STATE_ESTABLISHED, 60, 3, 0 },
};

#define TIMERS (sizeof(timers) / sizeof(timers[0]))

/* A session of that timer, just used; then so many seconds go by. */
static void age(const struct timer *timer, __s64 seconds)
{
	struct pair pair = pair_standard(timer->proto, timer->state);

	bench_clear_sessions(walk.bench);
	pair_add(walk.bench, &pair);
	walk_pass(seconds * SECOND);
}

static bool send_late(const struct timer *timer)
{
	struct spec spec = walk_outbound(timer->proto, ACK);

	return walk_port(&spec) == EXT_PORT;
}

static bool receive_late(const struct timer *timer)
{
	struct spec spec = walk_inbound(timer->proto, ACK, EXT_PORT);

	return walk_receive(&spec);
}

static void test_expiry_outbound(void **state)
{
	(void)state;
	for (size_t i = 0; i < TIMERS; i++) {
		age(&timers[i], (__s64)timers[i].seconds - 1);
		assert_true(send_late(&timers[i]));
		age(&timers[i], (__s64)timers[i].seconds + 1);
		assert_false(send_late(&timers[i]));
		if (timers[i].drop) {
			assert_true(walk_counted(timers[i].drop) > 0);
			assert_int_equal(table_count(walk.bench->outbound), 1);
		} else {
			/* The old inbound row holds its port. */
			walk_judge(1);
			assert_int_equal(table_count(walk.bench->inbound), 2);
		}
	}
	assert_int_equal(walk_traffic()->repaired, 0);
}

static void test_expiry_inbound(void **state)
{
	(void)state;
	for (size_t i = 0; i < TIMERS; i++) {
		age(&timers[i], (__s64)timers[i].seconds - 1);
		assert_true(receive_late(&timers[i]));
		age(&timers[i], (__s64)timers[i].seconds + 1);
		assert_false(receive_late(&timers[i]));
		assert_int_equal(walk_counted(NATGW_DROP_NO_SESSION), i + 1);
	}
}

/* Either direction keeps both alive; one's own row may be long idle. */
static void test_refresh_by_the_other_direction(void **state)
{
	(void)state;
	for (size_t i = 0; i < TIMERS; i++) {
		__s64 step = (__s64)timers[i].seconds - 1;

		if (timers[i].proto != PROTO_TCP && timers[i].state == NATGW_STATE_OPENING) {
			continue;
		}
		age(&timers[i], step);
		assert_true(receive_late(&timers[i]));
		walk_pass(step * SECOND);
		assert_true(receive_late(&timers[i]));
		walk_pass(step * SECOND);
		assert_true(send_late(&timers[i]));
		walk_pass(step * SECOND);
		assert_true(send_late(&timers[i]));
		walk_pass(step * SECOND);
		assert_true(receive_late(&timers[i]));
		walk_pass((step + 2) * SECOND);
		assert_false(receive_late(&timers[i]));
	}
}

/* The word decides over the row: an outbound row of another generation is nobody's. */
static void test_other_generation(void **state)
{
	struct pair pair = pair_standard(PROTO_UDP, NATGW_STATE_OPENING);
	struct natgw_inbound_key key = pair_inbound_key(&pair);
	struct natgw_session row;

	(void)state;
	walk.bench->not_audited = 1U << AUDIT_I1;
	pair.idle = (__u32)(50 * SECOND);
	pair_add(walk.bench, &pair);
	assert_true(pair_inbound(walk.bench, &pair, &row));
	row.word += 1ULL << NATGW_WORD_GENERATION_SHIFT;
	row.last_seen = bench_now(walk.bench);
	assert_true(session_table_write(walk.bench->inbound, &key, &row));
	/* The inbound row is fresh, but not this outbound row's: a new session is made. */
	assert_false(send_late(&timers[2]));
	assert_int_equal(walk_traffic()->repaired, 1);
	assert_int_equal(walk_traffic()->created[NATGW_PROTO_UDP], 1);
}

/* ---- the sweep ---- */

static void test_sweep_waits_for_the_grace(void **state)
{
	(void)state;
	for (size_t i = 0; i < TIMERS; i++) {
		age(&timers[i], (__s64)timers[i].seconds + timers[i].hold - 1);
		assert_int_equal(bench_sweep(walk.bench).removed, 0);
		walk_pass(SECOND + SECOND / 2);
		assert_int_equal(bench_sweep(walk.bench).removed, 0);
		assert_int_equal(table_count(walk.bench->inbound), 1);
		walk_pass(SECOND);
		assert_int_equal(bench_sweep(walk.bench).removed, 1);
		assert_int_equal(table_count(walk.bench->inbound), 0);
		assert_int_equal(table_count(walk.bench->outbound), 0);
		assert_int_equal(client_of(walk.bench, CLIENT).sessions, 0);
		assert_int_equal(client_of(walk.bench, CLIENT).opening, 0);
		assert_int_equal(gateway_use_of(walk.bench).sessions, 0);
	}
	for (int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		/* One that was never established or answered, one that was. */
		assert_int_equal(walk_traffic()->closed[proto][NATGW_CLOSE_HALF_OPEN], 1);
		assert_int_equal(walk_traffic()->closed[proto][NATGW_CLOSE_IDLE], 1);
	}
}

/* The copy of "port_use" that the programs read. */
static const struct natgw_port_bits *ports_of(__u32 phase, __u32 proto)
{
	return &walk.bench->port_use[natgw_port_use_index(phase, 0, proto)];
}

static void test_sweep_counts(void **state)
{
	struct pair pair = pair_standard(PROTO_TCP, NATGW_STATE_OPENING);
	const struct natgw_hold_count *hold = walk.bench->hold;
	struct natgw_active active;
	struct natgw_sweep stats;
	__u32 gateway = 1;

	(void)state;
	pair_add(walk.bench, &pair);
	pair = pair_standard(PROTO_UDP, NATGW_STATE_ESTABLISHED);
	pair_add(walk.bench, &pair);
	pair = pair_standard(PROTO_UDP, NATGW_STATE_OPENING);
	pair.rem_addr = REMOTE_B;
	pair.idle = (__u32)(50 * SECOND);
	pair_add(walk.bench, &pair);
	pair = pair_standard(PROTO_ICMP, NATGW_STATE_OPENING);
	pair.idle = (__u32)(63 * SECOND + SECOND / 2);
	pair_add(walk.bench, &pair);
	stats = bench_sweep(walk.bench);
	assert_int_equal(stats.rows, 4);
	assert_int_equal(stats.removed, 0);
	bpf_map_lookup_elem(walk.bench->active, &gateway, &active);
	assert_int_equal(active.opening[NATGW_PROTO_TCP], 1);
	assert_int_equal(active.established[NATGW_PROTO_UDP], 1);
	assert_int_equal(active.opening[NATGW_PROTO_UDP], 0);
	assert_int_equal(active.held[NATGW_PROTO_UDP], 1);
	/* Free, if not gone yet. */
	assert_int_equal(active.opening[NATGW_PROTO_ICMP] + active.held[NATGW_PROTO_ICMP], 0);
	assert_int_equal(ports_of(1, NATGW_PROTO_TCP)->word[EXT_PORT >> 6],
			 1ULL << (EXT_PORT & 63));
	assert_int_equal(hold[NATGW_PROTO_UDP].held[NATGW_HOLD_UDP], 1);
	assert_int_equal(hold[NATGW_PROTO_UDP].held[NATGW_HOLD_FIN], 0);
}

/* A port is known as unused after the pass that finds it so, and in use from its claim on. */
static void test_sweep_makes_the_ports_anew(void **state)
{
	struct talk talk = talk_new(PROTO_UDP);
	__u32 word, bit;

	(void)state;
	assert_true(talk_begin(&talk) > 0);
	word = talk.port >> 6;
	bit = talk.port & 63;
	for (__u32 phase = 0; phase < 2; phase++) {
		assert_int_equal(ports_of(phase, NATGW_PROTO_UDP)->word[word], 1ULL << bit);
	}
	bench_sweep(walk.bench);
	bench_sweep(walk.bench);
	for (__u32 phase = 0; phase < 2; phase++) {
		assert_int_equal(ports_of(phase, NATGW_PROTO_UDP)->word[word], 1ULL << bit);
	}
	walk_seconds(40 + 45 + 3);
	assert_int_equal(bench_sweep(walk.bench).removed, 1);
	assert_int_equal(ports_of(1, NATGW_PROTO_UDP)->word[word], 0);
	bench_sweep(walk.bench);
	assert_int_equal(ports_of(0, NATGW_PROTO_UDP)->word[word], 0);
}

static void test_clients_are_forgotten(void **state)
{
	struct talk talk = talk_new(PROTO_ICMP);

	(void)state;
	assert_true(talk_begin(&talk) > 0);
	assert_int_equal(gateway_use_of(walk.bench).clients, 1);
	walk_seconds(60 + 3 + 2);
	assert_int_equal(bench_sweep(walk.bench).removed, 1);
	assert_int_equal(gateway_use_of(walk.bench).sessions, 0);
	assert_int_equal(gateway_use_of(walk.bench).clients, 1);
	walk_seconds(59);
	bench_sweep(walk.bench);
	assert_int_equal(gateway_use_of(walk.bench).clients, 1);
	walk_seconds(2);
	bench_sweep(walk.bench);
	assert_int_equal(gateway_use_of(walk.bench).clients, 0);
	assert_int_equal(client_of(walk.bench, CLIENT).last_used, 0);
	assert_true(talk_begin(&talk) > 0);
	assert_int_equal(gateway_use_of(walk.bench).clients, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_tcp_handshake),
		WALK_TEST(test_tcp_needs_the_whole_handshake),
		WALK_TEST(test_tcp_fins),
		WALK_TEST(test_tcp_rst_must_be_plausible),
		WALK_TEST(test_tcp_refused_connection),
		WALK_TEST(test_udp_reply),
		WALK_TEST(test_icmp_reply),
		WALK_TEST(test_error_does_not_refresh),
		WALK_TEST(test_expiry_outbound),
		WALK_TEST(test_expiry_inbound),
		WALK_TEST(test_refresh_by_the_other_direction),
		WALK_TEST(test_other_generation),
		WALK_TEST(test_sweep_waits_for_the_grace),
		WALK_TEST(test_sweep_counts),
		WALK_TEST(test_sweep_makes_the_ports_anew),
		WALK_TEST(test_clients_are_forgotten),
	};
	int failed;

	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("session", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
