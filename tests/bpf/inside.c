// SPDX-License-Identifier: GPL-2.0-only
/* Forwards, reserved ports, shared EIPs, hairpin. */
#include "inside.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "natgw.skel.h"

static int forwards_map(void)
{
	return bpf_map__fd(walk.bench->skel->maps.forwards);
}

static int reserved_map(void)
{
	return bpf_map__fd(walk.bench->skel->maps.reserved_ports);
}

void inside_use(__u16 features)
{
	const struct natgw_settings settings = {
		.mark = NATGW_MARK_DEFAULT,
		.seed = BENCH_SEED,
		.features = features,
		.hairpin = features & NATGW_FEATURE_HAIRPIN ? walk.bench->ext_ifindex : 0,
	};
	__u32 zero = 0;

	assert_int_equal(bpf_map_update_elem(walk.bench->settings, &zero, &settings, BPF_ANY), 0);
}

/* ---- reserved ports ---- */

static void read_bits(__u32 eip, __u32 proto, struct natgw_port_bits *ret_bits)
{
	__u32 index = natgw_reserved_index(eip, proto);

	assert_int_equal(bpf_map_lookup_elem(reserved_map(), &index, ret_bits), 0);
}

void inside_reserve(__u32 eip, __u32 proto, __u16 port, bool reserved)
{
	static struct natgw_port_bits bits;
	__u32 index = natgw_reserved_index(eip, proto);

	read_bits(eip, proto, &bits);
	if (reserved) {
		bits.word[port / 64] |= 1ULL << (port % 64);
	} else {
		bits.word[port / 64] &= ~(1ULL << (port % 64));
	}
	assert_int_equal(bpf_map_update_elem(reserved_map(), &index, &bits, BPF_ANY), 0);
}

bool inside_is_reserved(__u32 eip, __u32 proto, __u16 port)
{
	static struct natgw_port_bits bits;

	read_bits(eip, proto, &bits);
	return bits.word[port / 64] >> (port % 64) & 1;
}

/* ---- forwards ---- */

static struct natgw_forward_key forward_key(__u8 proto, __be32 ext_addr, __u16 ext_port)
{
	struct natgw_forward_key key = {
		.ext_addr = ext_addr,
		.ext_port = htons(ext_port),
		.proto = proto,
	};

	return key;
}

static __u32 proto_index(__u8 proto)
{
	return proto == PROTO_TCP ? NATGW_PROTO_TCP : NATGW_PROTO_UDP;
}

void inside_forward(__u8 proto, __be32 ext_addr, __u16 ext_port, __be32 int_addr, __u16 int_port)
{
	const struct natgw_forward_key key = forward_key(proto, ext_addr, ext_port);
	const struct natgw_forward row = {
		.int_addr = int_addr,
		.int_port = htons(int_port),
		.gateway = 1,
	};

	assert_int_equal(bpf_map_update_elem(forwards_map(), &key, &row, BPF_ANY), 0);
	inside_reserve(0, proto_index(proto), ext_port, true);
}

void inside_forward_remove(__u8 proto, __be32 ext_addr, __u16 ext_port)
{
	const struct natgw_forward_key key = forward_key(proto, ext_addr, ext_port);

	assert_int_equal(bpf_map_delete_elem(forwards_map(), &key), 0);
	inside_reserve(0, proto_index(proto), ext_port, false);
}

/* ---- shared ---- */

void inside_share(void)
{
	const struct natgw_address address = {
		.kind = NATGW_ADDRESS_EIP,
		.gateway = 1,
		.on_host = NATGW_ON_HOST_SHARED,
	};
	const __be32 eip = EIP;

	assert_int_equal(bpf_map_update_elem(walk.bench->addresses, &eip, &address, BPF_ANY), 0);
}

int inside_teardown(void **state)
{
	static const struct natgw_port_bits none;
	struct natgw_forward_key key;
	int error;

	error = walk_teardown(state);
	while (!bpf_map_get_next_key(forwards_map(), NULL, &key)) {
		bpf_map_delete_elem(forwards_map(), &key);
	}
	for (__u32 index = 0; index < 2 * NATGW_PROTO_COUNT; index++) {
		bpf_map_update_elem(reserved_map(), &index, &none, BPF_ANY);
	}
	return error;
}

int inside_setup(void **state)
{
	walk_setup(state);
	inside_use(NATGW_FEATURE_FORWARDS | NATGW_FEATURE_HAIRPIN | NATGW_FEATURE_RESERVED);
	inside_forward(PROTO_TCP, EIP, INSIDE_PORT, CLIENT, INT_PORT);
	inside_forward(PROTO_UDP, EIP, INSIDE_PORT, CLIENT, INT_PORT);
	return 0;
}

/* ---- conversations ---- */

struct talk inside_forwarded(__u8 proto)
{
	struct talk talk = talk_new(proto);

	talk.remote_port = INSIDE_REMOTE_PORT;
	talk.eip = EIP;
	talk.port = INSIDE_PORT;
	return talk;
}

void inside_open_forwarded(struct talk *talk)
{
	__u16 port = talk->port;

	assert_true(talk_receive(talk, SYN, 0));
	assert_true(talk_send(talk, SYN | ACK, 0));
	assert_int_equal(talk->port, port);
	assert_int_equal(talk->eip, EIP);
	if (talk->proto == PROTO_TCP) {
		assert_true(talk_receive(talk, ACK, 0));
	}
}

void inside_require_rows(__u32 pairs)
{
	assert_int_equal(table_count(walk.bench->inbound), pairs);
	assert_int_equal(table_count(walk.bench->outbound), pairs);
}

/* ---- hairpin ---- */

bool inside_hairpin(const struct spec *spec)
{
	struct bench_run first = { .prog = BENCH_TC_INT };
	struct bench_run second = { .prog = BENCH_TC_EXT };
	const char *wrong;

	frame_build(spec, &walk.in);
	bench_run(walk.bench, &walk.in, &first);
	if (first.retval != ACTION_TC_REDIRECT) {
		return false;
	}
	wrong = frame_verify(&first.out);
	if (wrong) {
		fail_msg("on its way back: %s", wrong);
	}
	/* As a frame that is for ext0, and that its program knows by its mark. */
	assert_memory_equal(first.out.data, mac_ext, 6);
	assert_true(first.mark_out & NATGW_MARK_DEFAULT);
	second.mark = first.mark_out;
	bench_run(walk.bench, &first.out, &second);
	walk.out = second.out;
	if (second.retval != ACTION_TC_REDIRECT) {
		return false;
	}
	wrong = frame_verify(&walk.out);
	if (wrong) {
		fail_msg("%s", wrong);
	}
	return true;
}
