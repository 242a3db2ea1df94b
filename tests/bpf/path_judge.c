// SPDX-License-Identifier: GPL-2.0-only
/* What is required of one run. */
#include "path_internal.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ACTION_XDP_DROP 1
#define ACTION_XDP_REDIRECT 4
#define ACTION_TC_UNSPEC 0xffffffff
#define ACTION_TC_OK 0
#define ACTION_TC_SHOT 2
#define ACTION_TC_REDIRECT 7

/* Last-seen times may be this far from the test's clock. */
#define CLOCK_SLACK 200

void path_complain(const struct path_judged *j, const char *format, ...)
{
	va_list arguments;

	print_error("%s [%s]: ", j->row->name, j->hook);
	va_start(arguments, format);
	vprint_error(format, arguments);
	va_end(arguments);
	print_error("\n");
	fail();
	abort();
}

static void print_frame(const char *what, const struct frame *frame)
{
	print_error("  %s (%u):", what, frame->len);
	for (__u32 i = 0; i < frame->len && i < 160; i++) {
		print_error("%s%02x", i % 4 == 2 ? " " : "", frame->data[i]);
	}
	print_error("\n");
}

void path_require_frame(const struct path_judged *j, const struct frame *want, const char *what)
{
	if (want->len == j->run.out.len && !memcmp(want->data, j->run.out.data, want->len)) {
		return;
	}
	print_frame("in  ", &j->in);
	print_frame("want", want);
	print_frame("got ", &j->run.out);
	path_complain(j, "%s", what);
}

/* ---- counters ---- */

static __u32 hook_of(const struct path_judged *j)
{
	if (j->xdp) {
		return NATGW_HOOK_XDP;
	}
	return j->row->at <= AT_EXT ? NATGW_HOOK_TC_INGRESS : NATGW_HOOK_TC_EGRESS;
}

static void require_verdict(const struct path_judged *j, __u32 packets)
{
	__u32 want = natgw_verdict_index(j->row->gateway, hook_of(j), j->row->direction, j->want);

	for (__u32 i = 0; i < COUNTED_ROWS; i++) {
		__u64 got = j->diff.verdicts[i].packets;

		if (i == want && packets) {
			continue;
		}
		require(j, !got,
			"counted %llu as %s (gateway %u, hook %u, direction %u); want %s (%u, %u, %u)",
			(unsigned long long)got, verdict_name(i % NATGW_VERDICT_SLOTS),
			i / NATGW_VERDICT_SLOTS / NATGW_DIRECTION_COUNT / NATGW_HOOK_COUNT,
			i / NATGW_VERDICT_SLOTS / NATGW_DIRECTION_COUNT % NATGW_HOOK_COUNT,
			i / NATGW_VERDICT_SLOTS % NATGW_DIRECTION_COUNT, verdict_name(j->want),
			j->row->gateway, hook_of(j), j->row->direction);
	}
	if (packets) {
		require(j, j->diff.verdicts[want].packets == packets, "verdict %s: %llu packets",
			verdict_name(j->want), (unsigned long long)j->diff.verdicts[want].packets);
		require(j, j->diff.verdicts[want].bytes == j->diff.seen[hook_of(j)].bytes,
			"bytes of the verdict and bytes seen differ");
	}
}

static void require_traffic(const struct path_judged *j, __u32 packets)
{
	const struct natgw_traffic *got = &j->diff.traffic[j->row->gateway];
	__u32 class = verdict_class_of(j->want);
	__u32 in = class == NATGW_CLASS_OUT || class == NATGW_CLASS_DROP ? packets : 0;
	__u32 out = class == NATGW_CLASS_OUT ? packets : 0;
	bool outbound = j->row->direction == NATGW_OUTBOUND;
	bool inbound = j->row->direction == NATGW_INBOUND;

	require(j, got->in_from_source.packets == (outbound ? in : 0), "in_from_source");
	require(j, got->out_to_destination.packets == (outbound ? out : 0), "out_to_destination");
	require(j, got->in_from_destination.packets == (inbound ? in : 0), "in_from_destination");
	require(j, got->out_to_source.packets == (inbound ? out : 0), "out_to_source");
}

void path_require_counters(const struct path_judged *j)
{
	__u32 segments = j->row->gso_segs && !j->xdp ? j->row->gso_segs : 1;
	__u32 packets = j->row->uncounted ? 0 : segments;

	for (__u32 hook = 0; hook < NATGW_HOOK_COUNT; hook++) {
		require(j, j->diff.seen[hook].packets == (hook == hook_of(j) ? packets : 0),
			"seen at hook %u: %llu", hook,
			(unsigned long long)j->diff.seen[hook].packets);
	}
	require_verdict(j, packets);
	require_traffic(j, packets);
}

/* ---- what came out ---- */

static bool is_answer(const struct path_judged *j)
{
	return !j->xdp && j->row->form == FORM_ANSWER;
}

void path_require_action(const struct path_judged *j)
{
	static const __u32 xdp_actions[] = { ACTION_XDP_REDIRECT, PATH_XDP_PASS, PATH_XDP_PASS,
					     ACTION_XDP_DROP };
	static const __u32 tc_actions[] = { ACTION_TC_REDIRECT, ACTION_TC_UNSPEC, ACTION_TC_UNSPEC,
					    ACTION_TC_SHOT };
	__u32 class = verdict_class_of(j->want), want = tc_actions[class];
	__u32 mark = j->row->mark;

	if (j->xdp) {
		require(j, j->run.retval == xdp_actions[class], "XDP action %u", j->run.retval);
		return;
	}
	if (j->row->at > AT_EXT) {
		want = class == NATGW_CLASS_DROP ? ACTION_TC_SHOT : ACTION_TC_OK;
	} else if (is_answer(j)) {
		want = ACTION_TC_REDIRECT;
		mark |= NATGW_MARK_DEFAULT;
	} else if (class == NATGW_CLASS_OUT) {
		want = j->row->form == FORM_KERNEL ? ACTION_TC_OK : want;
		mark |= NATGW_MARK_DEFAULT;
	}
	require(j, j->run.retval == want, "tc action %d, want %d", (int)j->run.retval, (int)want);
	require(j, j->run.mark_out == mark, "mark %#x, want %#x", j->run.mark_out, mark);
}

/* The external port that a new session got, from the packet itself. */
static __u16 new_port(const struct path_judged *j)
{
	size_t offset = frame_l4(&j->run.out) + (j->spec.proto == PROTO_ICMP ? 4 : 0);

	return frame_get16(&j->run.out, offset);
}

static bool is_outbound(const struct path_judged *j)
{
	return j->row->direction == NATGW_OUTBOUND;
}

struct pair path_standing_pair(const struct path_case *row)
{
	const struct spec *in = row->in.quote ? row->in.quote : &row->in;
	struct pair pair = pair_standard(in->proto, row->state);

	pair.int_addr = row->client ? row->client : pair.int_addr;
	return pair;
}

/* The same packet on the other side; "quoted" holds the other side's quote. */
static struct spec translated(const struct path_judged *j, __u16 ext_port, struct spec *quoted)
{
	struct spec out = j->spec;

	if (out.quote) {
		*quoted = *out.quote;
		out.quote = quoted;
		if (is_outbound(j)) {
			out.src = quoted->dst = EIP;
			quoted->dport = ext_port;
		} else {
			out.dst = quoted->src = path_standing_pair(j->row).int_addr;
			quoted->sport = INT_PORT;
		}
	} else if (is_outbound(j)) {
		out.src = EIP;
		out.sport = ext_port;
	} else {
		out.dst = path_standing_pair(j->row).int_addr;
		out.dport = INT_PORT;
	}
	return out;
}

static void require_translated(const struct path_judged *j)
{
	__u16 port = j->row->state ? EXT_PORT : new_port(j);
	struct spec quoted, want = translated(j, port, &quoted);
	struct frame frame;

	require(j, port >= NATGW_PORT_FIRST, "port %u", port);
	if (j->row->at <= AT_EXT && (j->xdp || j->row->form == FORM_FORWARDED)) {
		bool out = is_outbound(j);

		want.ttl_minus = 1;
		want.smac = out ? mac_ext : mac_int;
		want.dmac = out ? mac_router : mac_client;
	}
	frame_build(&want, &frame);
	path_require_frame(j, &frame, "translated packet");
	if (!j->spec.poke[0].width && !j->spec.cut) {
		const char *wrong = frame_verify(&j->run.out);

		require(j, !wrong, "output: %s", wrong);
	}
}

void path_require_output(const struct path_judged *j)
{
	struct frame answer;

	if (is_answer(j)) {
		frame_build(j->row->answer, &answer);
		path_require_frame(j, &answer, "answer");
		require(j, !frame_verify(&j->run.out) || j->row->answer->ether, "answer: %s",
			frame_verify(&j->run.out));
	} else if (verdict_class_of(j->want) == NATGW_CLASS_OUT) {
		require_translated(j);
	} else if (verdict_class_of(j->want) != NATGW_CLASS_DROP) {
		path_require_frame(j, &j->in, "packet that is handed on as it came");
	}
}

/* ---- sessions ---- */

void path_require_tables_unchanged(const struct path_judged *j)
{
	require(j, table_same(&j->before.outbound, &j->after.outbound), "outbound table changed");
	require(j, table_same(&j->before.inbound, &j->after.inbound), "inbound table changed");
}

static struct pair pair_of(const struct path_judged *j, __u16 ext_port)
{
	struct pair pair = path_standing_pair(j->row);

	pair.ext_port = ext_port;
	if (!j->row->state) {
		pair.int_addr = j->spec.src;
		pair.int_port = j->spec.sport;
		pair.rem_addr = j->spec.dst;
		pair.rem_port = j->spec.dport;
	}
	return pair;
}

static void require_stamp(const struct path_judged *j, const struct natgw_session *row)
{
	__u32 age = bench_now(j->bench) - row->last_seen + CLOCK_SLACK;
	__u64 segments = j->row->gso_segs && !j->xdp ? j->row->gso_segs : 1;

	require(j, age < 2 * CLOCK_SLACK, "last_seen");
	require(j, row->packets == segments, "row has %llu packets",
		(unsigned long long)row->packets);
	require(j, row->bytes == j->diff.seen[hook_of(j)].bytes, "row has %llu bytes",
		(unsigned long long)row->bytes);
}

static void require_new_session(const struct path_judged *j)
{
	struct pair pair = pair_of(j, new_port(j));
	struct natgw_session out = {}, in = {};

	require(j, j->after.outbound.count == 1 && j->after.inbound.count == 1, "rows %u and %u",
		j->after.outbound.count, j->after.inbound.count);
	require(j, pair_outbound(j->bench, &pair, &out), "no outbound row of the expected key");
	require(j, pair_inbound(j->bench, &pair, &in), "no inbound row of the expected key");
	require(j, out.addr == pair.ext_addr && out.port == htons(pair.ext_port),
		"outbound row's external endpoint");
	require(j, in.addr == pair.int_addr && in.port == htons(pair.int_port),
		"inbound row's internal endpoint");
	require(j, out.word == in.word, "words differ");
	require(j, row_state(&out) == NATGW_STATE_OPENING, "state %u", row_state(&out));
	require(j, ((out.word >> NATGW_WORD_GATEWAY_SHIFT) & 0xff) == 1, "gateway of the word");
	require(j, !out.orig_port && !in.orig_port, "orig_port");
	require_stamp(j, &out);
	require(j, !in.packets && !in.bytes, "inbound row counts an outbound packet");
	require(j,
		j->diff.traffic[1].created[0] + j->diff.traffic[1].created[1] +
				j->diff.traffic[1].created[2] ==
			1,
		"created");
}

static void require_same_session(const struct path_judged *j)
{
	struct pair pair = pair_of(j, EXT_PORT);
	struct natgw_session out = {}, in = {};

	require(j, j->after.outbound.count == 1 && j->after.inbound.count == 1, "row count");
	require(j, pair_outbound(j->bench, &pair, &out) && pair_inbound(j->bench, &pair, &in),
		"rows");
	require(j, out.word == in.word, "words differ");
	require_stamp(j, is_outbound(j) ? &out : &in);
	require(j, (is_outbound(j) ? in.packets : out.packets) == 0, "the other row was counted");
}

void path_require_tables(const struct path_judged *j)
{
	if (verdict_class_of(j->want) != NATGW_CLASS_OUT || j->spec.quote) {
		path_require_tables_unchanged(j);
	} else if (j->row->state) {
		require_same_session(j);
	} else {
		require_new_session(j);
	}
}
