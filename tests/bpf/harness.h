/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loaded programs on a bench: a network namespace of the process's own with two veth pairs (so
 * that route lookups find something), the maps filled with one fixed configuration, and
 * PROG_TEST_RUN. Nothing is attached; the namespace ends with the process.
 *
 * The configuration: clients 10.0.1.0/24 behind int0, table 1, default route to gateway 1
 * (available, EIP 203.0.113.10); 10.0.2.0/24, table 2, default route to gateway 2
 * (pending); 10.0.3.0/24, table 3, without a default route. External: ext0, 192.0.2.1/24, router
 * 192.0.2.254.
 */
#ifndef NATGW_TESTS_BPF_HARNESS_H
#define NATGW_TESTS_BPF_HARNESS_H

#include "frame.h"
#include "natgw_maps.h"
#include "session_table.h"

#define CLIENT IP(10, 0, 1, 10)
#define CLIENT_B IP(10, 0, 1, 11)
#define CLIENTS(n) IP(10, 0, 1, 128 + (n)) /* 128 more, behind CLIENT_B */
#define CLIENT_SILENT IP(10, 0, 1, 99)	   /* the kernel does not know its MAC address */
#define CLIENT_PENDING IP(10, 0, 2, 10)
#define CLIENT_NO_ROUTE IP(10, 0, 3, 10)
#define PRIVATE_IP IP(10, 0, 1, 1)
#define HOST_IP IP(192, 0, 2, 1)
#define EIP IP(203, 0, 113, 10)
#define EIP_B IP(203, 0, 113, 11) /* second EIP of gateway 1, in use when eip_count is 2 */
#define BENCH_EIPS_MAX 16     /* of gateway 1: EIP, EIP_B, 203.0.114.2 ...; then one of gateway 2 */
#define BENCH_SEED 0x5eed1234 /* of the programs' hashes */
#define BENCH_TABLE_SEED 0x5eed12345678abcdULL /* of the session tables' hash */
#define BENCH_MTU 1500			       /* of both interfaces */
#define BENCH_RULES_MAX 64		       /* hits of so many are forgotten */
#define REMOTE IP(198, 51, 100, 7)
#define REMOTE_B IP(198, 51, 100, 8)
#define REMOTE_SILENT IP(192, 0, 2, 200)       /* on link, MAC address not known */
#define REMOTE_BLACKHOLE IP(198, 51, 100, 40)  /* a blackhole to the kernel */
#define REMOTE_INTERNAL IP(198, 51, 100, 70)   /* the kernel's route leads out of int0 */
#define REMOTE_SMALL_MTU IP(198, 51, 100, 200) /* MTU 1400 */

/* The standard session: CLIENT:4000 (id 4000) -> EIP:50000 -> REMOTE:80. */
#define INT_PORT 4000
#define EXT_PORT 50000
#define REM_PORT 80

extern const __u8 mac_int[6], mac_ext[6], mac_client[6], mac_client_b[6], mac_router[6];

enum bench_prog {
	BENCH_XDP_INT,
	BENCH_XDP_EXT,
	BENCH_CHECK,
	BENCH_TC_INT,
	BENCH_TC_EXT,
	BENCH_TC_EGR,
	BENCH_GUARD,
	BENCH_PROG_COUNT,
};

struct bench {
	struct natgw_bpf *skel;
	int prog[BENCH_PROG_COUNT];
	int sweep_link, sweep_dst_link, sweep_cli_link, sweep_frg_link;
	int layout, settings, clock, generation, ifaces, devices, subnets, routes, gateways, pool,
		addresses, forwards, acl, rules, rule_order, rule_hits, phase, nexthops, seen,
		verdicts, traffic, generated, budget, clients, client_ports, gateway_use,
		destinations, active, sweep_stats, check_result, fragments, fragment_use;
	struct session_table *outbound, *inbound;
	/* Mapped, as natgwd does. */
	struct natgw_port_bits *port_use;
	struct natgw_destination_use *destination_use;
	struct natgw_hold_count *hold;
	struct natgw_port_bits *reserved_ports; /* natgw_reserved_index */
	__u32 eips;				/* the first so many may have ports in use */
	__u32 int_ifindex;
	__u32 ext_ifindex;
	int cpus;
	unsigned int not_audited; /* see bench_audit */
};

/* Fails the test program when it cannot. One per process. */
struct bench *bench_open(__u32 sessions);
void bench_close(struct bench *bench);

/* "rounds", or "factor" times as many in the long tier (NATGW_LONG in the environment). */
unsigned int bench_rounds(unsigned int rounds, unsigned int factor);

/* Configuration, no sessions, nobody who uses ports, no forwards, access list or reserved ports, no
 * fragments, no next hops, no events, no hits of rules, skew 0. Other counters stay.
 */
void bench_reset(struct bench *bench);
/* The same, but next hops stay: that takes a tenth of the time. */
void bench_restart(struct bench *bench);
/* Sessions and the counts of them; what the sweep found out stays. */
void bench_clear_sessions(struct bench *bench);
/*
 * Gateway 1 as bench_reset leaves it, for a test to change and write back: no quotas, no RST for
 * what has no session, fragments of UDP are forwarded, and timers of which no two are alike.
 */
struct natgw_gateway bench_gateway(void);
/* Ports first .. first + count - 1, and so many sessions to one destination by one EIP (0: as many
 * as the range has). */
void bench_range(struct natgw_gateway *gateway, __u16 first, __u32 count, __u32 destination_ports);
/* In seconds, by enum natgw_timer. */
void bench_timers(__u32 *timeout, const __u32 seconds[NATGW_TIMER_COUNT]);
/* EIP number "index" of gateway 1: EIP, EIP_B, and more behind them, up to BENCH_EIPS_MAX. */
__be32 bench_eip(__u32 index);
/* rows[i] is rule i + 1, and first match wins. */
void bench_set_rules(struct bench *bench, const struct natgw_rule *rows, __u32 count);
/* What the functions below write counts at once, also for sessions that go the short way; after
 * other writes to the configuration's maps this is to be called. */
void bench_commit(const struct bench *bench);
void bench_set_gateway(struct bench *bench, const struct natgw_gateway *gateway);
void bench_set_iface(struct bench *bench, __u32 ifindex, __u8 flags, __u8 redirect);
/* Settings as bench_reset leaves them, with these features (NATGW_FEATURE_*); rules stay. */
void bench_set_features(struct bench *bench, __u16 features);
/* One row, as natgwd writes it. */
void bench_set_address(struct bench *bench, __be32 addr, const struct natgw_address *row);
void bench_set_forward(struct bench *bench, const struct natgw_forward_key *key,
		       const struct natgw_forward *row);
void bench_set_acl(struct bench *bench, __be32 addr, __u32 len, __u32 deny);
void bench_set_route(struct bench *bench, const struct natgw_route_key *key,
		     const struct natgw_route *row);
/* Port of EIP number "index" of gateway 1; proto: enum natgw_proto. */
void bench_reserve_port(struct bench *bench, __u32 index, __u32 proto, __u16 port);
/* New sessions that this rule has had a say in. */
__u64 bench_rule_hits(const struct bench *bench, __u32 number);
void bench_skew(struct bench *bench, __s64 ticks);
/* Has any program written a next hop since bench_reset? */
bool bench_has_nexthops(const struct bench *bench);
/* Now, as the programs see it. */
__u32 bench_now(struct bench *bench);
/* "ip" commands, one a line. */
void bench_ip(const char *commands);
void bench_sysctl(const char *path, const char *value);

struct bench_run {
	enum bench_prog prog;
	__u32 ingress; /* tc: skb->ingress_ifindex */
	__u32 mark;
	__u32 gso_segs;
	__u32 gso_size;
	struct frame out;
	__u32 retval;
	__u32 mark_out;
};

/* Runs the program on the frame, at the interface that the program belongs to. 0 or -errno. */
int bench_try(const struct bench *bench, const struct frame *in, struct bench_run *run);
/* The same; a failure ends the test. */
void bench_run(const struct bench *bench, const struct frame *in, struct bench_run *run);

/* One whole pass of the sweep, as natgwd does it; its figures. */
struct natgw_sweep bench_sweep(struct bench *bench);
/* The same in steps: what is cleared before, the rows, what is turned and tidied after. */
void bench_clear_sweep(struct bench *bench);
int bench_try_sweep(const struct bench *bench); /* 0 or -errno */
void bench_end_sweep(struct bench *bench);
struct natgw_sweep bench_sweep_stats(const struct bench *bench);

/*
 * The audit of user/audit.h over the bench's maps: a finding fails the test. A test that breaks a
 * rule on purpose says so in bench->not_audited (bit 1 << enum audit_rule); bench_reset forgets it.
 */
void bench_audit(const struct bench *bench);

/* Takes the events out of the ring buffer: how many there were; the first "max" into ret_events. */
__u32 bench_events(struct bench *bench, struct natgw_event *ret_events, __u32 max);

#endif
