// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random and mutated frames (S34 of the catalogue's sequences): through XDP and, as if there were
 * none, through tc, and where the kernel would forward them through tc egress. After each of them
 * the laws of laws.h hold; in the end the audit finds nothing, and no table keeps anything.
 */
#include "laws_train.h"
#include "mutate.h"
#include "tables.h"
#include "tally.h"
#include "world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "headers.h"

#define FRAMES bench_rounds(200000, 50)
#define SESSIONS 16384
/* Frames between two passes of the sweep, and two looks at the time. */
#define SWEEP_EVERY 4096
#define CLOCK_EVERY 64
#define AUDIT_EVERY 65536
#define STEP_MAX (2 * NATGW_TICKS_PER_SECOND)
/* Longer than any timer of the bench's gateways. */
/* A tc test run may refuse a frame that is shorter, for it wants the header that the EtherType
 * says.
 */
#define SKB_MIN (FRAME_ETH + 40)
#define GSO_SIZE 50
#define GSO_LEAST 100 /* bytes behind the IP header */
/* Internal addresses, whatever becomes of a source; and two gateways. */
#define CLIENTS_MAX (3 * 256 * 2)
#define FOR_ALL_TIMERS (1000LL * NATGW_TICKS_PER_SECOND)

/* What has become of the frames that nobody has changed. */
struct tried {
	__u64 sent;
	__u64 through[3]; /* by enum laws_hook: translated */
};

static struct bench *bench;
static struct mutate mutate;
static struct tally tally;
static struct mutate_frame frame;
static struct bench_run run;
static struct tried tried[MUTATE_KIND_COUNT];
static struct laws_trains trains = { .life = NATGW_FRAGMENT_LIFE,
				     .slack = NATGW_TICKS_PER_SECOND / 8 };
static __u64 outcomes[LAWS_HOOK_COUNT][LAWS_OUTCOME_COUNT];
static __u64 seed;
static unsigned int frames;
static unsigned int number; /* of the frame */
static unsigned int broken;
static __s64 skew;

static enum natgw_hook hook_of(enum bench_prog prog)
{
	if (prog <= BENCH_CHECK) {
		return NATGW_HOOK_XDP;
	}
	return prog == BENCH_TC_EGR ? NATGW_HOOK_TC_EGRESS : NATGW_HOOK_TC_INGRESS;
}

/* ---- one run ---- */

static void print_frame(const char *what, const struct frame *of)
{
	print_error("%s (%u): ", what, of->len);
	for (__u32 i = 0; i < of->len; i++) {
		print_error("%02x", of->data[i]);
	}
	print_error("\n");
}

/* Says each thing once for a program; the test goes on, and fails in the end. */
static bool is_said(const char *wrong)
{
	static struct {
		const char *wrong;
		enum bench_prog prog;
	} said[64];

	broken++;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		if (!said[i].wrong) {
			said[i].wrong = wrong;
			said[i].prog = run.prog;
			return false;
		}
		if (said[i].wrong == wrong && said[i].prog == run.prog) {
			return true;
		}
	}
	return true;
}

static void complain(const char *wrong, const struct frame *in, const struct tally_fate *fate)
{
	if (is_said(wrong)) {
		return;
	}
	print_error("seed %llu, frame %u (%s, %u bytes changed), program %d, return value %d, %s: "
		    "%s\n",
		    (unsigned long long)seed, number, mutate_kind_name(frame.kind), frame.changed,
		    run.prog, (int)run.retval, fate ? verdict_name(fate->verdict) : "-", wrong);
	print_frame("in ", in);
	print_frame("out", &run.out);
}

/* Runs and judges; what became of the frame. */
static enum laws_outcome pass(enum bench_prog prog, const struct frame *in)
{
	struct laws_case of = {
		.hook = (enum laws_hook)hook_of(prog),
		.external = prog == BENCH_XDP_EXT || prog == BENCH_TC_EXT,
		.from_host = prog == BENCH_TC_EGR && !run.ingress,
		.turned = run.mark != 0,
		.packets = run.gso_segs ? run.gso_segs : 1,
		.in = in,
		.out = &run.out,
	};
	enum laws_outcome outcome = LAWS_OUTCOME_COUNT;
	struct tally_fate fate;
	const char *wrong;

	run.prog = prog;
	if (bench_try(bench, in, &run) == -EINVAL && in->len < SKB_MIN) {
		return LAWS_GONE;
	}
	fate = tally_take(&tally, hook_of(prog));
	of.retval = run.retval;
	of.seen = fate.seen;
	of.counted = fate.counted;
	of.verdict = fate.verdict;
	wrong = laws_judge(&world_laws, &of, &outcome);
	if (wrong) {
		complain(wrong, in, &fate);
		return LAWS_OUTCOME_COUNT;
	}
	outcomes[of.hook][outcome]++;
	return outcome;
}

/* ---- the way of a frame ---- */

static bool is_translated(enum laws_outcome outcome)
{
	return outcome == LAWS_SENT_OUT || outcome == LAWS_SENT_IN || outcome == LAWS_LEFT ||
	       outcome == LAWS_GIVEN;
}

/* A piece of a datagram, sent on. */
static void follow_train(const struct frame *in)
{
	const struct laws_piece piece = {
		.train = frame.train,
		.when = bench_now(bench),
		.outbound = frame.kind == MUTATE_FRAGMENT_OUT,
		.is_first = frame.is_first,
		.is_alone =
			frame_src(&run.out) == WORLD_PUBLIC || frame_dst(&run.out) == WORLD_MAPPED,
		.in = in,
		.out = &run.out,
	};
	const char *wrong = laws_train_follow(&trains, &piece);

	if (wrong) {
		complain(wrong, in, NULL);
	}
}

static void note(enum laws_hook hook, enum laws_outcome outcome, const struct frame *in)
{
	if (!is_translated(outcome)) {
		return;
	}
	if (frame.changed) {
		laws_train_stray(&trains, in, bench_now(bench));
		return;
	}
	tried[frame.kind].through[hook]++;
	if (outcome == LAWS_SENT_OUT || outcome == LAWS_LEFT) {
		mutate_learn(&mutate, &frame, &run.out);
	}
	if (frame.train) {
		follow_train(in);
	}
}

/* As the kernel forwards it out of the external interface: one less TTL, other MAC addresses. */
static bool forward(const struct frame *in, struct frame *ret_frame)
{
	struct headers headers;
	__u32 check;

	headers_read(in, &headers);
	if (!headers.is_whole || headers.ttl <= 1 || headers_ip_error(in, headers.ip) ||
	    laws_is_hidden(&world_laws, frame_dst(in)) || laws_is_own(&world_laws, frame_dst(in)) ||
	    frame_dst(in) == HOST_IP) {
		return false;
	}
	memcpy(ret_frame, in, sizeof(in->len) + in->len);
	memcpy(ret_frame->data, mac_router, 6);
	memcpy(ret_frame->data + 6, mac_ext, 6);
	ret_frame->data[FRAME_ETH + 8]--;
	/* RFC 1141. */
	check = frame_get16(in, FRAME_ETH + 10) + 0x100U;
	check = (check & 0xffff) + (check >> 16);
	ret_frame->data[FRAME_ETH + 10] = (__u8)(check >> 8);
	ret_frame->data[FRAME_ETH + 11] = (__u8)check;
	return true;
}

static void pass_egress(const struct frame *in)
{
	run.ingress = frame.place == MUTATE_HOST ? 0 : bench->int_ifindex;
	note(LAWS_EGRESS, pass(BENCH_TC_EGR, in), in);
	run.ingress = 0;
}

/* Now and then a TCP packet stands for several. */
static void begin_gso(void)
{
	struct headers headers;

	headers_read(&frame.frame, &headers);
	if (frame.changed || number % 8 || headers.proto != PROTO_TCP || !headers.is_whole ||
	    headers.l4_len < GSO_LEAST) {
		return;
	}
	run.gso_size = GSO_SIZE;
	run.gso_segs = 2 + number % 40;
}

static void pass_tc(enum bench_prog prog)
{
	static struct frame next;
	enum laws_outcome outcome;

	begin_gso();
	outcome = pass(prog, &frame.frame);
	run.gso_size = 0;
	run.gso_segs = 0;
	note(LAWS_TC, outcome, &frame.frame);
	if (outcome == LAWS_TURNED) {
		memcpy(&next, &run.out, sizeof(next.len) + run.out.len);
		run.mark = NATGW_MARK_DEFAULT;
		outcome = pass(BENCH_TC_EXT, &next);
		run.mark = 0;
		note(LAWS_TC, outcome, &next);
	} else if (outcome == LAWS_STAYED && prog == BENCH_TC_INT && forward(&frame.frame, &next)) {
		pass_egress(&next);
	}
}

/* XDP decides and changes nothing when it is asked only. */
static void pass_check(void)
{
	struct tally_fate fate;

	run.prog = BENCH_CHECK;
	run.ingress = frame.place == MUTATE_EXTERNAL ? bench->ext_ifindex : bench->int_ifindex;
	bench_run(bench, &frame.frame, &run);
	run.ingress = 0;
	fate = tally_take(&tally, NATGW_HOOK_XDP);
	if (fate.seen || fate.counted || run.out.len != frame.frame.len ||
	    memcmp(run.out.data, frame.frame.data, run.out.len) != 0) {
		complain("the dry run does something", &frame.frame, &fate);
	}
}

/* A frame comes by XDP and then, as if there were no XDP, by tc. A fragment would be its own
 * repetition there: its datagram takes one of the ways. */
static void pass_all(void)
{
	bool external = frame.place == MUTATE_EXTERNAL;
	enum laws_outcome outcome = LAWS_STAYED;

	tried[frame.kind].sent += !frame.changed;
	if (frame.train && frame.is_first && frame.changed) {
		laws_train_spoil(&trains, frame.train);
	}
	if (frame.place >= MUTATE_EGRESS) {
		pass_egress(&frame.frame);
		return;
	}
	if (number % 16 == 0) {
		pass_check();
	}
	if (!(frame.train & 1)) {
		outcome = pass(external ? BENCH_XDP_EXT : BENCH_XDP_INT, &frame.frame);
		note(LAWS_XDP, outcome, &frame.frame);
	}
	if (!frame.train || outcome == LAWS_STAYED) {
		pass_tc(external ? BENCH_TC_EXT : BENCH_TC_INT);
	}
}

/* ---- the whole ---- */

static void go_on(void)
{
	if (number % CLOCK_EVERY == 0) {
		skew += mutate_below(&mutate, STEP_MAX);
		bench_skew(bench, skew);
	}
	if (number % SWEEP_EVERY == 0) {
		bench_sweep(bench);
		bench_events(bench, NULL, 0);
	}
	if (number % AUDIT_EVERY == 0) {
		bench_audit(bench);
	}
}

/* Every kind has reached the translation where it can, or nothing is proved. */
static void require_coverage(void)
{
	/* Percent of the frames as they were made, at the least: XDP, tc, egress. */
	static const __u8 least[MUTATE_KIND_COUNT][3] = {
		[MUTATE_PLAIN_OUT] = { 20, 20, 2 },   [MUTATE_PLAIN_IN] = { 20, 20, 0 },
		[MUTATE_SECOND_OUT] = { 20, 20, 2 },  [MUTATE_SECOND_IN] = { 20, 20, 0 },
		[MUTATE_PUBLIC_OUT] = { 20, 20, 2 },  [MUTATE_PUBLIC_IN] = { 20, 20, 0 },
		[MUTATE_DNAT_OUT] = { 20, 20, 2 },    [MUTATE_DNAT_IN] = { 20, 20, 0 },
		[MUTATE_FORWARD_OUT] = { 20, 20, 2 }, [MUTATE_FORWARD_IN] = { 20, 20, 0 },
		[MUTATE_OPEN_OUT] = { 20, 20, 2 },    [MUTATE_OPEN_IN] = { 20, 20, 0 },
		[MUTATE_HAIRPIN] = { 0, 20, 0 },      [MUTATE_ERROR_OUT] = { 5, 5, 1 },
		[MUTATE_ERROR_IN] = { 5, 5, 0 },      [MUTATE_FRAGMENT_OUT] = { 10, 10, 2 },
		[MUTATE_FRAGMENT_IN] = { 10, 10, 0 },
	};

	print_message("%-14s %9s %9s %9s %9s\n", "kind", "unchanged", "xdp", "tc", "egress");
	for (int kind = 0; kind < MUTATE_KIND_COUNT; kind++) {
		const struct tried *of = &tried[kind];

		print_message(
			"%-14s %9llu %9llu %9llu %9llu\n", mutate_kind_name((enum mutate_kind)kind),
			(unsigned long long)of->sent, (unsigned long long)of->through[0],
			(unsigned long long)of->through[1], (unsigned long long)of->through[2]);
	}
	for (int kind = 0; kind < MUTATE_KIND_COUNT; kind++) {
		for (int hook = 0; hook < 3; hook++) {
			assert_true(tried[kind].through[hook] * 100 >=
				    tried[kind].sent * least[kind][hook]);
		}
	}
}

static void print_fates(void)
{
	for (__u32 verdict = 0; verdict < NATGW_VERDICT_COUNT; verdict++) {
		__u64 packets = tally_of(&tally, verdict);

		if (packets) {
			print_message("  %-24s %10llu\n", verdict_name(verdict),
				      (unsigned long long)packets);
		}
	}
}

static void require_empty(const char *name, int map)
{
	__u32 rows = map_count(map);

	if (rows) {
		fail_msg("%u rows in %s that nobody needs", rows, name);
	}
}

/* Nor does anybody have a share of what is not there. */
static void require_no_shares(void)
{
	assert_int_equal(gateway_use_of(bench).sessions, 0);
	for (__u32 i = 0; i < NATGW_FRAGMENT_SOURCES; i++) {
		__u64 share = 0;

		assert_int_equal(bpf_map_lookup_elem(bench->fragment_use, &i, &share), 0);
		assert_int_equal((__u32)share, 0);
	}
}

/* With all timers over, nothing is kept of anybody. */
static void require_nothing_left(void)
{
	bench_audit(bench);
	print_message("%u sessions, %u clients, %u datagrams in fragments in the end\n",
		      table_count(bench->inbound), map_count(bench->clients),
		      map_count(bench->fragments));
	assert_true(map_count(bench->clients) <= CLIENTS_MAX);
	bench_skew(bench, skew + FOR_ALL_TIMERS);
	bench_sweep(bench);
	/* Clients are remembered for a while. */
	bench_skew(bench, skew + 2 * FOR_ALL_TIMERS);
	for (int i = 0; i < 3; i++) {
		bench_sweep(bench);
	}
	assert_int_equal(table_count(bench->outbound), 0);
	assert_int_equal(table_count(bench->inbound), 0);
	require_empty("clients", bench->clients);
	require_empty("client_ports", bench->client_ports);
	require_empty("destinations", bench->destinations);
	require_empty("fragments", bench->fragments);
	require_no_shares();
	bench_audit(bench);
}

static void test_random_frames(void **state)
{
	(void)state;
	world_make(bench);
	mutate_begin(&mutate, seed);
	tally_begin(&tally, bench);
	print_message("seed %llu, %u frames\n", (unsigned long long)seed, frames);
	for (number = 0; number < frames; number++) {
		mutate_next(&mutate, &frame);
		pass_all();
		go_on();
	}
	print_fates();
	require_coverage();
	require_nothing_left();
	print_message("%u findings\n", broken);
	assert_int_equal(broken, 0);
}

/* test_random [SEED [FRAMES]] */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_frames) };
	int failed;

	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261121;
	frames = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 0) : FRAMES;
	bench = bench_open(SESSIONS);
	failed = cmocka_run_group_tests_name("random", tests, NULL, NULL);
	tally_end(&tally);
	bench_close(bench);
	return failed;
}
