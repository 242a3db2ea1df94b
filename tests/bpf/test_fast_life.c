// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whole conversations twice: every packet the long way, since the configuration changes before each
 * one, and then the short way where that is possible. The rows say the same after every packet, and
 * so do the counters in the end.
 */
#include "talk.h"
#include "warm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define STEPS_MAX 24
/* Ticks between two packets: all of a conversation is within a window. */
#define STEP 300
/* Ticks that a run may take of its own. */
#define SLACK 120

struct step {
	bool inbound;
	__u8 flags;
	__u16 payload;
	bool is_short; /* in the second run */
	__u32 off;     /* added to the sequence number that is next */
};

struct life {
	const char *name;
	__u8 proto;
	__u32 rows; /* inbound, in the end */
	struct step steps[STEPS_MAX];
};

/* clang-format off */
#define OUT(f, len) { .flags = (f), .payload = (len) }
#define IN(f, len) { .inbound = true, .flags = (f), .payload = (len) }
#define SHORT_OUT(f, len) { .flags = (f), .payload = (len), .is_short = true }
#define SHORT_IN(f, len) { .inbound = true, .flags = (f), .payload = (len), .is_short = true }
#define OLD_OUT(f) { .flags = (f), .is_short = true, .off = 0xffffffff }
#define OLD_IN(f) { .inbound = true, .flags = (f), .is_short = true, .off = 0xffffffff }
#define AHEAD_IN(f, n) { .inbound = true, .flags = (f), .is_short = true, .off = (n) }
/* Who refuses has no number yet: 0, which is 16 ahead of where talk.c begins. */
#define REFUSED_IN { .inbound = true, .flags = RST | ACK, .off = 0x10 }
/* clang-format on */
#define HANDSHAKE OUT(SYN, 0), IN(SYN | ACK, 0), SHORT_OUT(ACK, 0)

static const struct life lives[] = {
	{ "closed by the client",
	  PROTO_TCP,
	  1,
	  { HANDSHAKE, SHORT_OUT(ACK | PSH, 100), SHORT_IN(ACK, 0), SHORT_IN(ACK | PSH, 1000),
	    SHORT_OUT(ACK, 0), SHORT_OUT(FIN | ACK, 0), SHORT_IN(ACK, 0), SHORT_IN(ACK | PSH, 20),
	    SHORT_IN(FIN | ACK, 0), SHORT_OUT(ACK, 0), OLD_IN(FIN | ACK), OLD_OUT(ACK) } },
	{ "closed by the remote endpoint",
	  PROTO_TCP,
	  1,
	  { HANDSHAKE, SHORT_OUT(ACK | PSH, 100), SHORT_IN(FIN | ACK, 5), SHORT_OUT(ACK, 0),
	    SHORT_OUT(FIN | ACK, 0), SHORT_IN(ACK, 0) } },
	{ "SYN-ACK and last ACK once more",
	  PROTO_TCP,
	  1,
	  { OUT(SYN, 0), IN(SYN | ACK, 0), OLD_IN(SYN | ACK), SHORT_OUT(ACK, 0), OLD_IN(SYN | ACK),
	    SHORT_OUT(ACK, 0), SHORT_OUT(ACK, 10) } },
	{ "a new one while the port is held",
	  PROTO_TCP,
	  2,
	  { HANDSHAKE, SHORT_OUT(FIN | ACK, 0), SHORT_IN(FIN | ACK, 0), SHORT_OUT(ACK, 0),
	    HANDSHAKE, SHORT_IN(ACK, 40), SHORT_OUT(ACK, 0), SHORT_OUT(RST | ACK, 0),
	    SHORT_IN(ACK, 0) } },
	{ "data after both FINs",
	  PROTO_TCP,
	  1,
	  { HANDSHAKE, SHORT_OUT(ACK, 1), SHORT_OUT(FIN | ACK, 0), SHORT_IN(FIN | ACK, 0),
	    SHORT_IN(ACK, 30), SHORT_OUT(ACK, 0), SHORT_IN(FIN | ACK, 0), SHORT_OUT(ACK, 0) } },
	{ "a new one of the remote endpoint after both FINs",
	  PROTO_TCP,
	  1,
	  { HANDSHAKE, SHORT_OUT(FIN | ACK, 0), SHORT_IN(FIN | ACK, 0), IN(SYN, 0),
	    SHORT_OUT(SYN | ACK, 0), SHORT_IN(ACK, 0), SHORT_IN(ACK, 10) } },
	{ "RST of the client",
	  PROTO_TCP,
	  2,
	  { HANDSHAKE, SHORT_OUT(RST | ACK, 0), HANDSHAKE, SHORT_OUT(ACK, 20) } },
	{ "RST of the client, and it goes on",
	  PROTO_TCP,
	  1,
	  { HANDSHAKE, SHORT_OUT(RST | ACK, 0), SHORT_IN(ACK, 0), SHORT_OUT(ACK, 20) } },
	{ "RSTs of others, and that of the remote endpoint",
	  PROTO_TCP,
	  1,
	  { HANDSHAKE, SHORT_OUT(ACK, 10), AHEAD_IN(RST, 1000), SHORT_OUT(ACK, 10),
	    SHORT_IN(RST, 0), SHORT_OUT(ACK, 0), SHORT_IN(ACK | PSH, 10), SHORT_IN(RST | ACK, 0),
	    SHORT_IN(RST | ACK, 0) } },
	{ "refused",
	  PROTO_TCP,
	  2,
	  { OUT(SYN, 0), REFUSED_IN, OUT(SYN, 0), IN(SYN | ACK, 0), SHORT_OUT(ACK, 0) } },
	{ "both at once",
	  PROTO_TCP,
	  1,
	  { OUT(SYN, 0), IN(SYN, 0), SHORT_OUT(SYN | ACK, 0), SHORT_IN(SYN | ACK, 0),
	    SHORT_OUT(ACK, 0), SHORT_IN(ACK, 0), SHORT_OUT(ACK, 10) } },
	{ "UDP",
	  PROTO_UDP,
	  1,
	  { OUT(0, 10), SHORT_OUT(0, 20), IN(0, 30), SHORT_IN(0, 40), SHORT_OUT(0, 0),
	    SHORT_IN(0, 0) } },
	{ "ping", PROTO_ICMP, 1, { OUT(0, 10), IN(0, 10), OUT(0, 10), IN(0, 10) } },
};

/* ---- what is to be the same ---- */

struct moment {
	struct natgw_session outbound;
	struct natgw_session inbound;
	struct natgw_client client;
	__u32 outbound_rows;
	__u32 inbound_rows;
	__u32 now;
};

struct trace {
	struct moment moments[STEPS_MAX];
	struct counters diff;
};

static struct pair pair_of(const struct talk *talk)
{
	struct pair pair = pair_standard(talk->proto, 0);

	pair.ext_port = talk->port;
	return pair;
}

static void remember(const struct talk *talk, struct moment *ret_moment)
{
	struct pair pair = pair_of(talk);

	memset(ret_moment, 0, sizeof(*ret_moment));
	ret_moment->now = bench_now(walk.bench);
	pair_outbound(walk.bench, &pair, &ret_moment->outbound);
	pair_inbound(walk.bench, &pair, &ret_moment->inbound);
	ret_moment->outbound_rows = table_count(walk.bench->outbound);
	ret_moment->inbound_rows = table_count(walk.bench->inbound);
	ret_moment->client = client_of(walk.bench, CLIENT);
	ret_moment->client.last_used = 0;
}

/* But for what a row says of its way, its claim and its port. */
static bool is_same_row(const struct moment *one, const struct natgw_session *left,
			const struct moment *other, const struct natgw_session *right)
{
	__u32 apart = (one->now - left->last_seen) - (other->now - right->last_seen) + SLACK;

	return (__u32)left->word == (__u32)right->word && left->packets == right->packets &&
	       left->bytes == right->bytes && left->rst_seq == right->rst_seq &&
	       left->addr == right->addr && left->orig_port == right->orig_port &&
	       apart < 2 * SLACK;
}

static bool is_same_moment(const struct moment *one, const struct moment *other)
{
	return one->outbound_rows == other->outbound_rows &&
	       one->inbound_rows == other->inbound_rows &&
	       !memcmp(&one->client, &other->client, sizeof(one->client)) &&
	       is_same_row(one, &one->outbound, other, &other->outbound) &&
	       is_same_row(one, &one->inbound, other, &other->inbound);
}

/* ---- runs ---- */

static bool is_last(const struct step *step)
{
	return !step->flags && !step->payload && !step->is_short;
}

static bool play(struct talk *talk, const struct step *step)
{
	if (step->off) {
		return step->inbound ? talk_receive_at(talk, step->flags, step->payload,
						       talk->next_in + step->off)
				     : talk_send_at(talk, step->flags, step->payload,
						    talk->next_out + step->off);
	}
	return step->inbound ? talk_receive(talk, step->flags, step->payload)
			     : talk_send(talk, step->flags, step->payload);
}

static void require(const struct life *life, bool condition, size_t number, const char *otherwise)
{
	if (!condition) {
		fail_msg("%s: packet %zu: %s", life->name, number + 1, otherwise);
	}
}

static void run_step(const struct life *life, size_t number, struct talk *talk, bool long_way,
		     struct moment *ret_moment)
{
	const struct step *step = &life->steps[number];

	if (long_way) {
		bench_commit(walk.bench);
	}
	walk_pass(STEP);
	warm_nexthops(walk.bench);
	warm_mark(walk.bench);
	require(life, play(talk, step), number, "does not come through");
	require(life, warm_was_short(walk.bench) == (step->is_short && !long_way), number,
		"went the wrong way");
	remember(talk, ret_moment);
}

static void run(const struct life *life, bool long_way, struct trace *ret_trace)
{
	static struct counters before, after;
	struct natgw_gateway gateway = bench_gateway();
	struct talk talk = talk_new(life->proto);

	walk_again();
	walk_pass(warm_to_window(walk.bench));
	bench_range(&gateway, EXT_PORT, 4, 0);
	bench_set_gateway(walk.bench, &gateway);
	counters_read(walk.bench, &before);
	for (size_t i = 0; i < STEPS_MAX && !is_last(&life->steps[i]); i++) {
		run_step(life, i, &talk, long_way, &ret_trace->moments[i]);
	}
	counters_read(walk.bench, &after);
	counters_diff(&before, &after, &ret_trace->diff);
}

static void judge(const struct life *life)
{
	static struct trace one, other;
	size_t i = 0;

	run(life, true, &one);
	run(life, false, &other);
	for (; i < STEPS_MAX && !is_last(&life->steps[i]); i++) {
		require(life, is_same_moment(&one.moments[i], &other.moments[i]), i,
			"the ways differ");
	}
	require(life, one.moments[i - 1].inbound_rows == life->rows, i, "rows");
	require(life, !memcmp(&one.diff, &other.diff, sizeof(one.diff)), i,
		"the ways count differently");
}

static void test_lives(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		judge(&lives[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { WALK_TEST(test_lives) };
	int failed;

	warm_stay_on_cpu();
	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("conversations both ways", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
