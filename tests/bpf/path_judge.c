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

/* Packets that natgw has made, or sent in again, beside those that came. */
static void require_generated(const struct path_judged *j)
{
	enum form form = j->row->form;
	__u64 want = !j->xdp && (form == FORM_ANSWER || form == FORM_HAIRPIN), got = 0;

	for (__u32 i = 0; i < NATGW_GENERATED_COUNT; i++) {
		if (i != NATGW_GENERATED_EVENT && i != NATGW_GENERATED_EVENT_LOST) {
			got += j->diff.generated[i];
		}
	}
	require(j, got == want, "%llu packets made", (unsigned long long)got);
	require(j, form != FORM_HAIRPIN || j->diff.generated[NATGW_GENERATED_HAIRPIN] == want,
		"not counted as hairpin");
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
	require_generated(j);
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

static bool is_outbound(const struct path_judged *j)
{
	return j->row->direction == NATGW_OUTBOUND;
}

/* What natgw has chosen for the packet, from the packet itself. */
static void learn_from_output(struct path_judged *j)
{
	const struct spec *in = &j->in_packet.spec;

	if (path_is_new(j->row)) {
		j->learnt.port = path_port_of(&j->run.out, in);
		require(j, j->learnt.port >= NATGW_PORT_FIRST, "port %u", j->learnt.port);
	}
	if (path_has_new_id(j->row, in) && (!j->learnt.has_id || j->row->other_id)) {
		__u16 id = frame_get16(&j->run.out, FRAME_ETH + 4);

		require(j, !j->learnt.has_id || id != j->learnt.id, "identification %u", id);
		j->learnt.id = id;
		j->learnt.has_id = true;
	}
}

static void require_translated(struct path_judged *j)
{
	bool forwarded = j->row->at <= AT_EXT && (j->xdp || j->row->form == FORM_FORWARDED);
	struct path_packet want;
	struct frame frame;

	learn_from_output(j);
	path_out(j->row, &j->in_packet, &j->learnt, forwarded, &want);
	frame_build(&want.spec, &frame);
	path_require_frame(j, &frame, "translated packet");
	if (!frame_verify(&j->in)) {
		const char *wrong = frame_verify(&j->run.out);

		require(j, !wrong, "output: %s", wrong);
	}
}

void path_require_output(struct path_judged *j)
{
	struct frame answer;

	if (is_answer(j)) {
		frame_build(j->row->answer, &answer);
		path_require_frame(j, &answer, "answer");
		require(j, !frame_verify(&j->run.out) || j->row->answer->arp, "answer: %s",
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
	const char *changed;

	require(j, table_same(&j->before.outbound, &j->after.outbound), "outbound table changed");
	require(j, table_same(&j->before.inbound, &j->after.inbound), "inbound table changed");
	changed = path_maps_changed(&j->before.maps, &j->after.maps, j->row->changes);
	require(j, !changed, "map %s changed", changed);
}

static struct pair pair_of(const struct path_judged *j, __u16 ext_port)
{
	const struct spec *in = &j->in_packet.spec;
	struct pair pair = path_standing_pair(j->row);

	pair.ext_port = ext_port;
	if (!j->row->state) {
		pair.int_addr = in->src;
		pair.int_port = in->sport;
		pair.rem_addr = in->dst;
		pair.rem_port = in->dport;
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
	struct pair pair = pair_of(j, j->learnt.port);
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

/* Rows with a translation or a history of their own: how many sessions there are, each whole. */
static void require_count(const struct path_judged *j)
{
	__u32 more = j->row->makes;

	require(j, j->after.outbound.count == j->before.outbound.count + more, "outbound rows: %u",
		j->after.outbound.count);
	require(j, j->after.inbound.count == j->before.inbound.count + more, "inbound rows: %u",
		j->after.inbound.count);
	require(j, !tables_broken(&j->after.outbound, &j->after.inbound), "half a session");
}

void path_require_tables(const struct path_judged *j)
{
	const struct path_case *row = j->row;
	const __u64 *made = j->diff.traffic[row->gateway].created;

	if (verdict_class_of(j->want) != NATGW_CLASS_OUT || j->in_packet.spec.quote) {
		path_require_tables_unchanged(j);
		return;
	}
	require(j, made[0] + made[1] + made[2] == path_is_new(row), "sessions counted as created");
	if (row->before || row->makes || row->to.src || row->to.dst) {
		require_count(j);
	} else if (row->state) {
		require_same_session(j);
	} else {
		require_new_session(j);
	}
}
