// SPDX-License-Identifier: GPL-2.0-only
/* Egress of the external interface: the main program and the guard behind it. */
#include <bpf/bpf.h>

#include "path.h"

static void setup_fail_open(struct bench *bench)
{
	const struct natgw_settings settings = { .mark = NATGW_MARK_DEFAULT, .fail_open = 1 };
	__u32 zero = 0;

	bpf_map_update_elem(bench->settings, &zero, &settings, BPF_ANY);
}

static void setup_other_mark(struct bench *bench)
{
	const struct natgw_settings settings = { .mark = 0x40 };
	__u32 zero = 0;

	bpf_map_update_elem(bench->settings, &zero, &settings, BPF_ANY);
}

/* As when the route's interface is down and the kernel's default route takes the packet. */
static void setup_other_interface(struct bench *bench)
{
	const struct natgw_route_key key = { .prefix_len = 32 + 16,
					     .table = 1,
					     .addr = IP(10, 25, 0, 0) };
	const struct natgw_route row = { .target = NATGW_TARGET_INTERFACE, .ifindex = 999 };

	bpf_map_update_elem(bench->routes, &key, &row, BPF_ANY);
}

#define LIVE .state = NATGW_STATE_ESTABLISHED
#define FINISHED .mark = NATGW_MARK_DEFAULT, .uncounted = true

static const struct path_case cases[] = {
	/* ---- forwarded: translated, nothing else changed ---- */
	{ "TCP SYN", AT_EGRESS, { TCP_SYN_OUT, .ttl = 63 }, OUT_1(TRANSLATED) },
	{ "TCP of a session", AT_EGRESS, { TCP_OUT }, LIVE, OUT_1(TRANSLATED) },
	{ "TTL 1 after the kernel's decrement",
	  AT_EGRESS,
	  { TCP_OUT, .ttl = 1 },
	  LIVE,
	  OUT_1(TRANSLATED) },
	{ "UDP", AT_EGRESS, { UDP_OUT }, OUT_1(TRANSLATED) },
	{ "UDP without checksum", AT_EGRESS, { UDP_OUT, .no_check = true }, OUT_1(TRANSLATED) },
	{ "ping", AT_EGRESS, { PING_OUT, .options = 2 }, OUT_1(TRANSLATED) },
	{ "neighbour and MTU are the kernel's business",
	  AT_EGRESS,
	  { UDP_TO(CLIENT, REMOTE_SILENT) },
	  OUT_1(TRANSLATED) },
	{ "GSO",
	  AT_EGRESS,
	  { TCP_OUT_FLAGS(ACK), .payload = 3000 },
	  LIVE,
	  .gso_segs = 3,
	  .gso_size = 1000,
	  OUT_1(TRANSLATED) },

	/* ---- let through ---- */
	{ "marked: finished before", AT_EGRESS, { TCP_OUT }, FINISHED, OTHER(PASS_NOT_NAT) },
	{ "marked among other bits",
	  AT_EGRESS,
	  { TCP_OUT },
	  .mark = NATGW_MARK_DEFAULT | 5,
	  .uncounted = true,
	  OTHER(PASS_NOT_NAT) },
	{ "the host's own", AT_EGRESS_HOST, { TCP_TO(HOST_IP, REMOTE) }, OTHER(PASS_HOST) },
	{ "the host's own with an internal source",
	  AT_EGRESS_HOST,
	  { TCP_TO(PRIVATE_IP, REMOTE) },
	  OTHER(PASS_HOST) },
	{ "the host's own fragment",
	  AT_EGRESS_HOST,
	  { UDP_TO(HOST_IP, REMOTE), .frag = FRAG_MF },
	  OTHER(PASS_HOST) },
	{ "the host's ARP", AT_EGRESS_HOST, { .ether = 0x0806 }, OTHER(PASS_NOT_NAT) },
	{ "tagged", AT_EGRESS, { TCP_OUT, .vlan = 0x8100 }, OTHER(PASS_NOT_NAT) },
	{ "forwarded IPv6", AT_EGRESS, { .ether = 0x86dd }, OTHER(PASS_NOT_IPV4) },
	{ "public source in no subnet",
	  AT_EGRESS,
	  { TCP_TO(IP(192, 0, 2, 77), REMOTE) },
	  OTHER(PASS_NOT_NAT) },
	{ "local route over the external side",
	  AT_EGRESS,
	  { TCP_TO(CLIENT, IP(10, 25, 0, 1)) },
	  OUT_0(PASS_NOT_NAT) },
	{ "local route, but out of another interface",
	  AT_EGRESS,
	  { TCP_TO(CLIENT, IP(10, 25, 0, 1)) },
	  OUT_0(DROP_TARGET_NOT_ALLOWED),
	  .setup = setup_other_interface },
	{ "the host's own address, forwarded: a tunnel's packet",
	  AT_EGRESS,
	  { TCP_TO(HOST_IP, REMOTE) },
	  OTHER(PASS_HOST) },
	{ "an EIP as source", AT_EGRESS, { TCP_TO(EIP, REMOTE) }, OTHER(DROP_SOURCE_NOT_ALLOWED) },
	{ "host's own with an inherited mark",
	  AT_EGRESS_HOST,
	  { TCP_TO(HOST_IP, REMOTE) },
	  .mark = NATGW_MARK_DEFAULT,
	  OTHER(PASS_HOST) },
	{ "private to private, no subnet",
	  AT_EGRESS,
	  { TCP_TO(IP(10, 9, 0, 1), IP(172, 16, 0, 1)) },
	  OTHER(PASS_NOT_NAT) },

	/* ---- never leaves ---- */
	{ "private source in no subnet, 10/8",
	  AT_EGRESS,
	  { TCP_TO(IP(10, 9, 0, 1), REMOTE) },
	  OTHER(DROP_SOURCE_NOT_ALLOWED) },
	{ "private source in no subnet, 172.31/16",
	  AT_EGRESS,
	  { TCP_TO(IP(172, 31, 0, 1), REMOTE) },
	  OTHER(DROP_SOURCE_NOT_ALLOWED) },
	{ "private source in no subnet, 192.168/16",
	  AT_EGRESS,
	  { TCP_TO(IP(192, 168, 0, 1), REMOTE) },
	  OTHER(DROP_SOURCE_NOT_ALLOWED) },
	{ "private source in no subnet, 100.64/10",
	  AT_EGRESS,
	  { TCP_TO(IP(100, 127, 0, 1), REMOTE) },
	  OTHER(DROP_SOURCE_NOT_ALLOWED) },
	{ "ACK of no session", AT_EGRESS, { TCP_OUT }, OUT_1(DROP_TCP_NO_SYN) },
	{ "GRE",
	  AT_EGRESS,
	  { FLOW_OUT(CLIENT, REMOTE), .proto = 47, .payload = 9 },
	  OUT_1(DROP_PROTO) },
	{ "no route", AT_EGRESS, { TCP_TO(CLIENT_NO_ROUTE, REMOTE) }, OUT_0(DROP_NO_ROUTE) },
	{ "blackhole", AT_EGRESS, { TCP_TO(CLIENT, IP(198, 19, 0, 1)) }, OUT_0(DROP_BLACKHOLE) },
	{ "gateway pending",
	  AT_EGRESS,
	  { TCP_TO(CLIENT_PENDING, REMOTE) },
	  .verdict = NATGW_DROP_GATEWAY_NOT_AVAILABLE,
	  .gateway = 2 },
	{ "hairpin", AT_EGRESS, { TCP_TO(CLIENT, EIP) }, OUT_1(DROP_HAIRPIN) },
	{ "malformed",
	  AT_EGRESS,
	  { TCP_OUT, .poke = { { .offset = FRAME_ETH, .width = 1, .value = 0x44 } } },
	  OTHER(DROP_MALFORMED) },

	/* ---- the guard ---- */
	{ "guard: client to the internet", AT_GUARD, { TCP_SYN_OUT }, OUT_0(DROP_GUARD) },
	{ "guard: UDP", AT_GUARD, { UDP_OUT }, OUT_0(DROP_GUARD) },
	{ "guard: fragment", AT_GUARD, { UDP_OUT, .frag = 185 }, OUT_0(DROP_GUARD) },
	{ "guard: protocol that is not translated",
	  AT_GUARD,
	  { FLOW_OUT(CLIENT, REMOTE), .proto = 47, .payload = 9 },
	  OUT_0(DROP_GUARD) },
	{ "guard: a live session does not help", AT_GUARD, { TCP_OUT }, LIVE, OUT_0(DROP_GUARD) },
	{ "guard: no route", AT_GUARD, { TCP_TO(CLIENT_NO_ROUTE, REMOTE) }, OUT_0(DROP_GUARD) },
	{ "guard: blackhole", AT_GUARD, { TCP_TO(CLIENT, IP(198, 18, 0, 1)) }, OUT_0(DROP_GUARD) },
	{ "guard: gateway not available",
	  AT_GUARD,
	  { TCP_TO(CLIENT_PENDING, REMOTE) },
	  OUT_0(DROP_GUARD) },
	{ "guard: marked", AT_GUARD, { TCP_OUT }, FINISHED, OTHER(PASS_NOT_NAT) },
	{ "guard: another mark is none",
	  AT_GUARD,
	  { TCP_OUT },
	  .mark = NATGW_MARK_DEFAULT,
	  .setup = setup_other_mark,
	  OUT_0(DROP_GUARD) },
	{ "guard: the configured mark",
	  AT_GUARD,
	  { TCP_OUT },
	  .mark = 0x40,
	  .uncounted = true,
	  .setup = setup_other_mark,
	  OTHER(PASS_NOT_NAT) },
	{ "guard: on_failure open",
	  AT_GUARD,
	  { TCP_OUT },
	  .setup = setup_fail_open,
	  .uncounted = true,
	  OTHER(PASS_NOT_NAT) },
	{ "guard: the host's own",
	  AT_GUARD_HOST,
	  { TCP_TO(HOST_IP, REMOTE) },
	  .uncounted = true,
	  OTHER(PASS_NOT_NAT) },
	{ "guard: local route",
	  AT_GUARD,
	  { TCP_TO(CLIENT, IP(10, 25, 0, 1)) },
	  .uncounted = true,
	  OTHER(PASS_NOT_NAT) },
	{ "guard: local route, but out of another interface",
	  AT_GUARD,
	  { TCP_TO(CLIENT, IP(10, 25, 0, 1)) },
	  OUT_0(DROP_GUARD),
	  .setup = setup_other_interface },
	{ "guard: private source in no subnet",
	  AT_GUARD,
	  { TCP_TO(IP(10, 9, 0, 1), REMOTE) },
	  OUT_0(DROP_GUARD) },
	{ "guard: source in no subnet",
	  AT_GUARD,
	  { TCP_TO(IP(192, 0, 2, 77), REMOTE) },
	  .uncounted = true,
	  OTHER(PASS_NOT_NAT) },
	{ "guard: multicast",
	  AT_GUARD,
	  { UDP_TO(CLIENT, IP(224, 0, 0, 1)) },
	  .uncounted = true,
	  OTHER(PASS_NOT_NAT) },
	{ "guard: ARP", AT_GUARD, { .ether = 0x0806 }, .uncounted = true, OTHER(PASS_NOT_NAT) },
};

int main(void)
{
	return path_run("egress", cases, sizeof(cases) / sizeof(cases[0]));
}
