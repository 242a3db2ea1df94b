// SPDX-License-Identifier: GPL-2.0-only
/* Rules and pools on the bench. */
#include "nat.h"

#include "harness_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define POOL_EIP (BENCH_EIPS_MAX + 1) /* index of the first one */
#define ACTION_XDP_PASS 2
#define ACTION_TC_UNSPEC 0xffffffff

/* The document's: 8001 and 8002 become 443 and leave by different addresses. */
const struct natgw_rule nat_scenario[] = {
	NAT_DNAT(PROTO_TCP, 8001, 443, NAT_MARK),
	NAT_DNAT(PROTO_TCP, 8002, 443, NAT_MARK_B),
	NAT_DNAT(PROTO_UDP, 8001, 443, NAT_MARK),
	NAT_SNAT(NAT_MARK, 0, 1),
	NAT_SNAT(NAT_MARK_B, 1, 1),
};

/* ---- fixtures ---- */

int nat_setup(void **state)
{
	walk_setup(state);
	walk.bench->eips = POOL_EIP + NAT_POOL_COUNT;
	for (__u32 i = 0; i < NAT_POOL_COUNT; i++) {
		const struct natgw_pool_row row = { .addr = NAT_POOL(i), .eip = POOL_EIP + i };
		const struct natgw_address address = { .kind = NATGW_ADDRESS_EIP,
						       .gateway = 1,
						       .eip = POOL_EIP + i };

		harness_set_row(walk.bench->pool, NATGW_POOL_ROWS_PER_GATEWAY + NAT_POOL_ROW + i,
				&row);
		harness_set(walk.bench->addresses, &row.addr, &address);
	}
	return 0;
}

int nat_teardown(void **state)
{
	bench_audit(walk.bench);
	for (__u32 i = 0; i < NAT_POOL_COUNT; i++) {
		const __be32 addr = NAT_POOL(i);

		bpf_map_delete_elem(walk.bench->addresses, &addr);
	}
	bench_reset(walk.bench);
	(void)state;
	return 0;
}

static void use_features(__u32 features)
{
	struct natgw_settings settings;
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(walk.bench->settings, &zero, &settings), 0);
	settings.features = (__u16)(settings.features | features);
	harness_set_row(walk.bench->settings, 0, &settings);
}

void nat_set_rules(const struct natgw_rule *rules, __u32 count)
{
	struct natgw_gateway gateway = bench_gateway();
	struct natgw_rule *rows = calloc(count ? count : 1, sizeof(*rows));
	__u32 features = 0;

	assert_non_null(rows);
	for (__u32 i = 0; i < count; i++) {
		rows[i] = rules[i];
		rows[i].used = 1;
		rows[i].port_last = rows[i].port_last ? rows[i].port_last : 65535;
		memcpy(rows[i].timeout, gateway.timeout, sizeof(rows[i].timeout));
		features |= rows[i].kind == NATGW_RULE_NO_NAT ? NATGW_FEATURE_NO_NAT : 0;
	}
	bench_set_rules(walk.bench, rows, count);
	use_features(features);
	free(rows);
}

void nat_set_gateway(__u8 flags, __u32 ports)
{
	struct natgw_gateway gateway = bench_gateway();

	gateway.flags |= flags;
	gateway.fragments = NATGW_FRAGMENTS_UDP;
	if (ports) {
		bench_range(&gateway, EXT_PORT, ports, 0);
	}
	bench_set_gateway(walk.bench, &gateway);
	if (flags & NATGW_GATEWAY_UNMATCHED_PASS) {
		use_features(NATGW_FEATURE_NO_NAT);
	}
}

/* ---- packets ---- */

struct talk nat_to_port(__u8 proto, __u16 port)
{
	struct talk talk = talk_new(proto);

	talk.remote_port = port;
	return talk;
}

__u16 nat_left_for(void)
{
	return frame_get16(&walk.out, frame_l4(&walk.out) + 2);
}

bool nat_answer(const struct talk *talk, __u16 real_port, __u8 flags)
{
	struct spec spec = talk_inbound(talk, flags, talk->proto == PROTO_TCP ? 0 : 8);

	spec.sport = real_port;
	if (!walk_receive(&spec)) {
		return false;
	}
	assert_int_equal(frame_dst(&walk.out), talk->client);
	assert_int_equal(frame_src(&walk.out), talk->remote);
	assert_int_equal(frame_get16(&walk.out, frame_l4(&walk.out)), talk->remote_port);
	assert_int_equal(nat_left_for(), talk->client_port);
	return true;
}

void nat_require_left(struct talk *talk, __be32 eip, __u16 real_port)
{
	assert_true(talk_begin(talk) > 0);
	assert_int_equal(talk->eip, eip);
	assert_int_equal(nat_left_for(), real_port);
}

static void require_passed(const struct spec *spec, enum bench_prog prog)
{
	struct bench_run run = { .prog = prog };
	struct frame in;

	frame_build(spec, &in);
	bench_run(walk.bench, &in, &run);
	assert_int_equal(run.retval, walk.hooks == &walk_xdp ? ACTION_XDP_PASS : ACTION_TC_UNSPEC);
	assert_int_equal(run.out.len, in.len);
	assert_memory_equal(run.out.data, in.data, in.len);
}

void nat_require_passed(const struct spec *spec)
{
	require_passed(spec, walk.hooks->internal);
}

void nat_require_passed_in(const struct spec *spec)
{
	struct spec own = *spec;

	own.smac = mac_router;
	own.dmac = mac_ext;
	require_passed(&own, walk.hooks->external);
}
