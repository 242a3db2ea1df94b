// SPDX-License-Identifier: GPL-2.0-only
/* Fills destinations. */
#include "fill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Sessions between two passes of the sweep, where there is one. */
#define SWEEP_EVERY 20000
/* Refused ones at the end. */
#define TOO_MANY 20

static struct bench *bench;
static struct counters before;

struct destination {
	__u8 proto;
	__be32 remote;
	__u16 port;
};

static const struct destination destinations[] = {
	{ PROTO_TCP, REMOTE, 80 }, { PROTO_TCP, REMOTE, 81 },	{ PROTO_UDP, REMOTE, 80 },
	{ PROTO_ICMP, REMOTE, 0 }, { PROTO_TCP, REMOTE_B, 80 },
};

/* Who has which port towards the destination in hand. */
static __u8 taken[BENCH_EIPS_MAX][65536];

static __u32 index_of(__be32 eip)
{
	for (__u32 i = 0; i < BENCH_EIPS_MAX; i++) {
		if (bench_eip(i) == eip) {
			return i;
		}
	}
	fail_msg("an address that is no EIP");
	return 0;
}

static __u32 proto_of(const struct destination *to)
{
	if (to->proto == PROTO_TCP) {
		return NATGW_PROTO_TCP;
	}
	return to->proto == PROTO_UDP ? NATGW_PROTO_UDP : NATGW_PROTO_ICMP;
}

static void open_one(const struct fill_inventory *inventory, const struct destination *to,
		     __u32 number)
{
	struct flood_flow flow = flood_flow(to->proto, to->remote, to->port, number);
	struct flood_got got = flood_open(bench, inventory->prog, &flow);
	__u8 *mine;

	if (!got.port) {
		fail_msg("session %u was refused", number + 1);
	}
	if (got.port < inventory->first || got.port >= inventory->first + inventory->count) {
		fail_msg("session %u got port %u", number + 1, got.port);
	}
	mine = &taken[index_of(got.eip)][got.port];
	if (*mine) {
		fail_msg("session %u got port %u, which another one has", number + 1, got.port);
	}
	*mine = 1;
}

static void require_created(__u32 proto, __u32 count)
{
	static struct counters now, diff;

	counters_read(bench, &now);
	counters_diff(&before, &now, &diff);
	assert_int_equal(diff.traffic[1].created[proto], count);
	assert_int_equal(diff.traffic[1].attempts[proto], count);
	for (__u32 i = 0; i < NATGW_ALLOC_ERROR_COUNT; i++) {
		assert_int_equal(diff.traffic[1].alloc_errors[proto][i], 0);
	}
}

static void fill(const struct fill_inventory *inventory, const struct destination *to,
		 __u32 sessions)
{
	memset(taken, 0, sizeof(taken));
	counters_read(bench, &before);
	for (__u32 i = 0; i < sessions; i++) {
		open_one(inventory, to, i);
		if (inventory->sweep && i % SWEEP_EVERY == SWEEP_EVERY - 1) {
			bench_sweep(bench);
		}
	}
	require_created(proto_of(to), sessions);
}

/* So many were refused since "before", for want of a port, and nothing else was counted. */
static void require_refused(__u32 proto, __u32 count)
{
	static struct counters now;
	__u64 verdicts = 0;

	counters_read(bench, &now);
	for (__u32 i = NATGW_DROP_PORT_EXHAUSTED; i < COUNTED_ROWS; i += NATGW_VERDICT_SLOTS) {
		verdicts += now.verdicts[i].packets - before.verdicts[i].packets;
	}
	assert_int_equal(verdicts, count);
	for (__u32 i = 0; i < NATGW_ALLOC_ERROR_COUNT; i++) {
		assert_int_equal(now.traffic[1].alloc_errors[proto][i] -
					 before.traffic[1].alloc_errors[proto][i],
				 i == NATGW_ALLOC_PORT_EXHAUSTED ? count : 0);
	}
	assert_int_equal(now.traffic[1].created[proto], before.traffic[1].created[proto]);
}

static void refuse_one(const struct fill_inventory *inventory, const struct destination *to,
		       __u32 number)
{
	struct flood_flow flow = flood_flow(to->proto, to->remote, to->port, number);
	struct natgw_client client = client_of(bench, flow.client), after;

	assert_int_equal(flood_open(bench, inventory->prog, &flow).port, 0);
	after = client_of(bench, flow.client);
	assert_int_equal(after.errors[NATGW_ALLOC_PORT_EXHAUSTED],
			 client.errors[NATGW_ALLOC_PORT_EXHAUSTED] + 1);
	assert_int_equal(after.sessions, client.sessions);
	assert_int_equal(after.opening, client.opening);
}

/* Number N + 1, and some more: refused, counted, and nothing else has changed. */
static void refuse(const struct fill_inventory *inventory, const struct destination *to,
		   __u32 sessions)
{
	struct natgw_gateway_use use = gateway_use_of(bench);

	counters_read(bench, &before);
	refuse_one(inventory, to, sessions);
	require_refused(proto_of(to), 1);
	for (__u32 i = 1; i < TOO_MANY; i++) {
		refuse_one(inventory, to, sessions + i);
	}
	require_refused(proto_of(to), TOO_MANY);
	assert_int_equal(gateway_use_of(bench).sessions, use.sessions);
}

void fill_run(struct bench *of, const struct fill_inventory *inventory)
{
	struct natgw_gateway gateway = bench_gateway();
	__u32 sessions, rows = 0;

	bench = of;
	bench_reset(bench);
	bench_range(&gateway, inventory->first, inventory->count, inventory->destination_ports);
	gateway.eip_count = inventory->eips;
	flood_for_ever(&gateway);
	bench_set_gateway(bench, &gateway);
	sessions = gateway.destination_ports * inventory->eips;
	for (size_t i = 0; i < sizeof(destinations) / sizeof(destinations[0]); i++) {
		fill(inventory, &destinations[i], sessions);
		refuse(inventory, &destinations[i], sessions);
		rows += sessions;
		if (i + 1 == inventory->destinations) {
			break;
		}
	}
	assert_int_equal(table_count(bench->inbound), rows);
	assert_int_equal(table_count(bench->outbound), rows);
	assert_int_equal(gateway_use_of(bench).sessions, rows);
	bench_audit(bench);
}
