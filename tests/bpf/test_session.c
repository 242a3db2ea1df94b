// SPDX-License-Identifier: GPL-2.0-only
/* The life of a session: its states, its five timers, the sweep. Time is moved, never waited for.
 */
#include "walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define SECOND ((__s64)NATGW_TICKS_PER_SECOND)

static __u32 seen_flags(const struct natgw_session *row)
{
	return (row->word & NATGW_WORD_SEEN_MASK) >> NATGW_WORD_SEEN_SHIFT;
}

/* Both rows stand, agree, and are in this state. */
static void require_state(__u8 proto, __u16 port, __u32 state, __u32 seen)
{
	struct pair pair = pair_standard(proto, 0);
	struct natgw_session out, in;

	pair.ext_port = port;
	assert_true(pair_outbound(walk.bench, &pair, &out));
	assert_true(pair_inbound(walk.bench, &pair, &in));
	assert_int_equal(out.word, in.word);
	assert_int_equal(row_state(&in), state);
	assert_int_equal(seen_flags(&in), seen);
}

static bool send_flags(__u8 flags)
{
	struct spec spec = walk_outbound(PROTO_TCP, flags);

	return walk_send(&spec);
}

static bool receive_flags(__u8 flags, __u16 port)
{
	struct spec spec = walk_inbound(PROTO_TCP, flags, port);

	return walk_receive(&spec);
}

static void test_tcp_handshake(void **state)
{
	struct spec syn = walk_outbound(PROTO_TCP, SYN);
	__u16 port = walk_port(&syn);

	(void)state;
	assert_true(port >= NATGW_PORT_FIRST);
	require_state(PROTO_TCP, port, NATGW_STATE_OPENING, 0);
	assert_int_equal(walk_port(&syn), port);
	assert_true(receive_flags(SYN | ACK, port));
	require_state(PROTO_TCP, port, NATGW_STATE_OPENING, NATGW_SEEN_REPLY);
	assert_true(send_flags(ACK));
	require_state(PROTO_TCP, port, NATGW_STATE_ESTABLISHED, NATGW_SEEN_REPLY);
	assert_true(receive_flags(ACK | PSH, port));
	assert_true(receive_flags(FIN | ACK, port));
	assert_true(receive_flags(RST, port));
	require_state(PROTO_TCP, port, NATGW_STATE_ESTABLISHED, NATGW_SEEN_REPLY);
	assert_int_equal(walk_traffic()->created[NATGW_PROTO_TCP], 1);
	assert_int_equal(walk_traffic()->established[NATGW_PROTO_TCP], 1);
	assert_int_equal(walk_counted(NATGW_TRANSLATED), 7);
}

static void test_tcp_needs_the_whole_handshake(void **state)
{
	struct spec syn = walk_outbound(PROTO_TCP, SYN);
	__u16 port = walk_port(&syn);

	(void)state;
	/* Neither an ACK before the SYN-ACK nor an ACK or RST from outside opens it. */
	assert_true(send_flags(ACK));
	assert_true(receive_flags(ACK, port));
	assert_true(receive_flags(RST | ACK, port));
	assert_true(send_flags(ACK));
	require_state(PROTO_TCP, port, NATGW_STATE_OPENING, 0);
	assert_true(receive_flags(SYN | ACK, port));
	assert_true(send_flags(RST | ACK));
	require_state(PROTO_TCP, port, NATGW_STATE_OPENING, NATGW_SEEN_REPLY);
	assert_int_equal(walk_traffic()->established[NATGW_PROTO_TCP], 0);
}

static void require_reply_establishes(__u8 proto, __u32 index)
{
	struct spec out = walk_outbound(proto, 0), in;
	__u16 port = walk_port(&out);

	require_state(proto, port, NATGW_STATE_OPENING, 0);
	assert_int_equal(walk_port(&out), port);
	require_state(proto, port, NATGW_STATE_OPENING, 0);
	in = walk_inbound(proto, 0, port);
	assert_true(walk_receive(&in));
	require_state(proto, port, NATGW_STATE_ESTABLISHED, NATGW_SEEN_REPLY);
	assert_true(walk_receive(&in));
	assert_int_equal(walk_port(&out), port);
	assert_int_equal(walk_traffic()->established[index], 1);
	assert_int_equal(walk_rows(walk.bench->outbound), 1);
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
	struct pair pair = pair_standard(PROTO_UDP, NATGW_STATE_OPENING);
	struct spec out = walk_outbound(PROTO_UDP, 0), quoted = out, error;

	(void)state;
	pair_add(walk.bench, &pair);
	quoted.src = EIP;
	quoted.sport = EXT_PORT;
	error = walk_inbound(PROTO_ICMP, 0, 0);
	error.type = TYPE_UNREACHABLE;
	error.code = 3;
	error.quote = &quoted;
	error.quote_l4 = 8;
	walk_pass(39 * SECOND);
	assert_true(walk_receive(&error));
	require_state(PROTO_UDP, EXT_PORT, NATGW_STATE_OPENING, 0);
	walk_pass(2 * SECOND);
	assert_false(walk_receive(&error));
	assert_int_equal(walk_counted(NATGW_DROP_ICMP_QUOTE), 1);
}

/* ---- expiry ---- */

static const struct timer {
	__u8 proto;
	__u8 state;
	__u32 seconds;
	__u32 drop; /* of an outbound packet that comes too late; 0: it makes a new session */
} timers[] = {
	{ PROTO_TCP, NATGW_STATE_OPENING, 30, NATGW_DROP_TCP_NO_SYN },
	{ PROTO_TCP, NATGW_STATE_ESTABLISHED, 350, NATGW_DROP_TCP_NO_SYN },
	{ PROTO_UDP, NATGW_STATE_OPENING, 40, 0 },
	{ PROTO_UDP, NATGW_STATE_ESTABLISHED, 300, 0 },
	{ PROTO_ICMP, NATGW_STATE_OPENING, 60, 0 },
	{ PROTO_ICMP, NATGW_STATE_ESTABLISHED, 60, 0 },
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
			assert_int_equal(walk_rows(walk.bench->outbound), 1);
		} else {
			/* The old inbound row is the sweep's. */
			assert_int_equal(walk_rows(walk.bench->outbound), 1);
			assert_int_equal(walk_rows(walk.bench->inbound), 2);
		}
	}
	assert_int_equal(walk_traffic()->repaired, 4);
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
	pair.idle = (__u32)(50 * SECOND);
	pair_add(walk.bench, &pair);
	assert_true(pair_inbound(walk.bench, &pair, &row));
	row.word += 1ULL << NATGW_WORD_GENERATION_SHIFT;
	row.last_seen = bench_now(walk.bench);
	assert_int_equal(bpf_map_update_elem(walk.bench->inbound, &key, &row, BPF_ANY), 0);
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
		age(&timers[i], (__s64)timers[i].seconds - 1);
		assert_int_equal(bench_sweep(walk.bench).removed, 0);
		walk_pass(SECOND + SECOND / 2);
		assert_int_equal(bench_sweep(walk.bench).removed, 0);
		assert_int_equal(walk_rows(walk.bench->inbound), 1);
		walk_pass(SECOND);
		assert_int_equal(bench_sweep(walk.bench).removed, 1);
		assert_int_equal(walk_rows(walk.bench->inbound), 0);
		assert_int_equal(walk_rows(walk.bench->outbound), 0);
	}
	assert_int_equal(walk_traffic()->closed[NATGW_PROTO_TCP][NATGW_CLOSE_HALF_OPEN], 1);
	assert_int_equal(walk_traffic()->closed[NATGW_PROTO_TCP][NATGW_CLOSE_IDLE], 1);
	assert_int_equal(walk_traffic()->closed[NATGW_PROTO_UDP][NATGW_CLOSE_IDLE], 2);
	assert_int_equal(walk_traffic()->closed[NATGW_PROTO_ICMP][NATGW_CLOSE_IDLE], 2);
}

static void test_sweep_counts(void **state)
{
	static const struct natgw_active none;
	static const struct natgw_port_bits no_bits;
	struct pair pair = pair_standard(PROTO_TCP, NATGW_STATE_OPENING);
	static struct natgw_port_bits bits;
	struct natgw_active active;
	struct natgw_sweep stats;
	__u32 gateway = 1, row = NATGW_PROTO_TCP;

	(void)state;
	bpf_map_update_elem(walk.bench->active, &gateway, &none, BPF_ANY);
	bpf_map_update_elem(walk.bench->port_use, &row, &no_bits, BPF_ANY);
	pair_add(walk.bench, &pair);
	pair = pair_standard(PROTO_UDP, NATGW_STATE_ESTABLISHED);
	pair_add(walk.bench, &pair);
	pair = pair_standard(PROTO_ICMP, NATGW_STATE_OPENING);
	pair.idle = (__u32)(60 * SECOND + SECOND / 2);
	pair_add(walk.bench, &pair);
	stats = bench_sweep(walk.bench);
	assert_int_equal(stats.rows, 3);
	assert_int_equal(stats.removed, 0);
	bpf_map_lookup_elem(walk.bench->active, &gateway, &active);
	assert_int_equal(active.opening[NATGW_PROTO_TCP], 1);
	assert_int_equal(active.established[NATGW_PROTO_UDP], 1);
	/* Expired, if not gone yet. */
	assert_int_equal(active.opening[NATGW_PROTO_ICMP], 0);
	bpf_map_lookup_elem(walk.bench->port_use, &row, &bits);
	assert_int_equal(bits.word[EXT_PORT >> 6], 1ULL << (EXT_PORT & 63));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_tcp_handshake),
		WALK_TEST(test_tcp_needs_the_whole_handshake),
		WALK_TEST(test_udp_reply),
		WALK_TEST(test_icmp_reply),
		WALK_TEST(test_error_does_not_refresh),
		WALK_TEST(test_expiry_outbound),
		WALK_TEST(test_expiry_inbound),
		WALK_TEST(test_refresh_by_the_other_direction),
		WALK_TEST(test_other_generation),
		WALK_TEST(test_sweep_waits_for_the_grace),
		WALK_TEST(test_sweep_counts),
	};
	int failed;

	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("session", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
