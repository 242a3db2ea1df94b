/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Typed access to the pinned maps. The only user-space module that knows how sessions, routes and
 * counters are stored. Works by pin and by kept descriptor, so it needs CAP_BPF only after start.
 * All functions: 0 or a negative errno; ret_ parameters are written on success only.
 */
#ifndef NATGW_USER_DATAPATH_H
#define NATGW_USER_DATAPATH_H

#include <stdbool.h>
#include <stdint.h>

#include "natgw_maps.h"

struct datapath;

/* Opens every map pinned under pin_path. -ENOENT when one is missing, -EPROTO for another layout.
 */
int datapath_open(const char *pin_path, struct datapath **ret_dp);
void datapath_free(struct datapath *dp);

/* ---- writing ---- */
/* The seed is not the caller's: it is made with the first settings and then never changed; nor are
 * the samples (datapath_set_samples). */
int datapath_set_settings(struct datapath *dp, const struct natgw_settings *settings);
int datapath_set_iface(struct datapath *dp, uint32_t ifindex, const struct natgw_iface *iface);
int datapath_del_iface(struct datapath *dp, uint32_t ifindex);
/* Interfaces that XDP programs may redirect to. */
int datapath_set_device(struct datapath *dp, uint32_t ifindex);
int datapath_del_device(struct datapath *dp, uint32_t ifindex);
int datapath_set_gateway(struct datapath *dp, uint32_t index, const struct natgw_gateway *gateway);
/* position: in the gateway's stretch, below NATGW_POOL_ROWS_PER_GATEWAY */
int datapath_set_pool(struct datapath *dp, uint32_t gateway, uint32_t position,
		      const struct natgw_pool_row *row);
/* number: 1 .. NATGW_RULES_MAX - 1 */
int datapath_set_rule(struct datapath *dp, uint32_t number, const struct natgw_rule *rule);
/*
 * Settings and, with them, a new order of the rules: settings->rule_count numbers of rows. At every
 * moment a packet sees the old order or the new one. Between two calls every program must have
 * ended that ran before (datapath_settle).
 */
int datapath_set_rules(struct datapath *dp, const struct natgw_settings *settings,
		       const uint32_t *order);
int datapath_set_address(struct datapath *dp, __be32 addr, const struct natgw_address *address);
int datapath_del_address(struct datapath *dp, __be32 addr);
int datapath_set_subnet(struct datapath *dp, const struct natgw_subnet_key *key,
			const struct natgw_subnet *subnet);
int datapath_del_subnet(struct datapath *dp, const struct natgw_subnet_key *key);
int datapath_set_route(struct datapath *dp, const struct natgw_route_key *key,
		       const struct natgw_route *route);
int datapath_del_route(struct datapath *dp, const struct natgw_route_key *key);
int datapath_set_forward(struct datapath *dp, const struct natgw_forward_key *key,
			 const struct natgw_forward *forward);
int datapath_del_forward(struct datapath *dp, const struct natgw_forward_key *key);
int datapath_set_acl(struct datapath *dp, const struct natgw_acl_key *key,
		     const struct natgw_acl *row);
int datapath_del_acl(struct datapath *dp, const struct natgw_acl_key *key);
/*
 * Adds ports to those that no new session of the EIP gets, or takes some away; the others stay as
 * they are. Only the words of a struct natgw_port_bits count here, not its summary.
 */
int datapath_reserve_ports(struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			   const struct natgw_port_bits *ports);
int datapath_unreserve_ports(struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			     const struct natgw_port_bits *ports);
int datapath_clear_rule_hits(struct datapath *dp, uint32_t number);
/* Returns when every program that runs at this moment has ended. */
void datapath_settle(void);
/* Every session goes the long way again: looks its next hop up, asks the configuration. */
int datapath_raise_generation(struct datapath *dp);
/*
 * The same if a row of the configuration has been written or deleted since: to be called before
 * waiting for anything. A natgwd that dies before that leaves sessions to find out by themselves,
 * within 1 << NATGW_ROUTE_SHIFT ticks of when it no longer counts as there (datapath_follow).
 */
void datapath_commit(struct datapath *dp);
/* Once a second by whoever raises the generation when routes change: until some seconds later no
 * session asks for its route itself. */
int datapath_follow(struct datapath *dp);

/* ---- reading; each stops and returns what fn returned when that is not 0 ---- */
int datapath_get_layout(struct datapath *dp, struct natgw_layout *ret_layout);
int datapath_get_settings(struct datapath *dp, struct natgw_settings *ret_settings);
int datapath_get_rule(struct datapath *dp, uint32_t number, struct natgw_rule *ret_rule);
int datapath_get_rule_order(struct datapath *dp, uint32_t position, uint32_t *ret_number);
int datapath_get_gateway(struct datapath *dp, uint32_t index, struct natgw_gateway *ret_gateway);
int datapath_get_pool(struct datapath *dp, uint32_t gateway, uint32_t position,
		      struct natgw_pool_row *ret_row);
int datapath_get_address(struct datapath *dp, __be32 addr, struct natgw_address *ret_address);
int datapath_each_iface(struct datapath *dp,
			int (*fn)(uint32_t ifindex, const struct natgw_iface *row, void *arg),
			void *arg);
int datapath_each_address(struct datapath *dp,
			  int (*fn)(__be32 addr, const struct natgw_address *row, void *arg),
			  void *arg);
int datapath_each_subnet(struct datapath *dp,
			 int (*fn)(const struct natgw_subnet_key *key,
				   const struct natgw_subnet *row, void *arg),
			 void *arg);
int datapath_each_route(struct datapath *dp,
			int (*fn)(const struct natgw_route_key *key, const struct natgw_route *row,
				  void *arg),
			void *arg);
int datapath_each_forward(struct datapath *dp,
			  int (*fn)(const struct natgw_forward_key *key,
				    const struct natgw_forward *row, void *arg),
			  void *arg);
int datapath_each_acl(struct datapath *dp,
		      int (*fn)(const struct natgw_acl_key *key, const struct natgw_acl *row,
				void *arg),
		      void *arg);
int datapath_get_reserved(struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			  struct natgw_port_bits *ret_ports);
/* Both directions of every session, by the pinned iterator "dump". */
int datapath_each_session(struct datapath *dp,
			  int (*fn)(const struct natgw_session_record *record, void *arg),
			  void *arg);
/*
 * The same one by one: a reader keeps its place between calls, so that a long table is read in
 * pieces; what changes meanwhile is seen or not. It lives on without its datapath. 1: *ret_record
 * is the next one, until the next call. 0: there are no more.
 */
struct datapath_reader;
int datapath_open_sessions(struct datapath *dp, struct datapath_reader **ret_reader);
int datapath_next_session(struct datapath_reader *reader,
			  const struct natgw_session_record **ret_record);
void datapath_close_reader(struct datapath_reader *reader);
/* Destinations with many sessions, as seen from one EIP, by the pinned iterator "dests". */
int datapath_each_destination(struct datapath *dp,
			      int (*fn)(const struct natgw_destination_record *record, void *arg),
			      void *arg);
/* Clients of all gateways, those of the last minute without sessions too. */
int datapath_each_client(struct datapath *dp,
			 int (*fn)(const struct natgw_client_key *key,
				   const struct natgw_client *row, void *arg),
			 void *arg);
int datapath_read_gateway_use(struct datapath *dp, uint32_t gateway,
			      struct natgw_gateway_use *ret_use);

/* Sums over all CPUs. ret_counts has NATGW_VERDICT_ROWS elements (natgw_verdict_index). */
int datapath_read_verdicts(struct datapath *dp, struct natgw_count *ret_counts);
int datapath_read_seen(struct datapath *dp, enum natgw_hook hook, struct natgw_count *ret_count);
int datapath_read_traffic(struct datapath *dp, uint32_t gateway, struct natgw_traffic *ret_traffic);
/* New sessions that the rule in this row has had a say in; of kind NO_NAT, packets. */
int datapath_read_rule_hits(struct datapath *dp, uint32_t number, uint64_t *ret_hits);
int datapath_read_generated(struct datapath *dp, uint64_t ret_packets[NATGW_GENERATED_COUNT]);

/* ---- the sweep ---- */

/*
 * One pass over sessions, destinations, clients and fragments by the pinned iterators "sweep",
 * "sweep_dst", "sweep_cli" and "sweep_frg": removes what has expired and counts what is active, in
 * use and held. Afterwards the readers below give the numbers of this pass.
 */
int datapath_sweep(struct datapath *dp, struct natgw_sweep *ret_sweep);
/* Called now and then while a sweep that ends many sessions is under way, if they are logged; NULL:
 * nobody. */
void datapath_on_pause(struct datapath *dp, void (*fn)(void *arg), void *arg);
int datapath_read_active(struct datapath *dp, uint32_t gateway, struct natgw_active *ret_active);
/* Ports that any session has, live or held. */
int datapath_ports_in_use(struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			  uint32_t *ret_count);
/* Sessions that only hold their port, by cause. */
int datapath_ports_held(struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			struct natgw_hold_count *ret_held);

/* ---- what operators ask for (natgw_operate.h); in datapath_operate.c ---- */

/*
 * Runs the core dry on a frame (Ethernet header first) as if it had come in by this interface:
 * nothing is changed or counted.
 */
int datapath_check(struct datapath *dp, uint32_t ifindex, const void *frame, uint32_t length,
		   struct natgw_check_result *ret_result);
/* Ends the sessions that match, or counts them (dry); fills in matched and killed. One pass over
 * the table. */
int datapath_kill(struct datapath *dp, struct natgw_kill *kill);
/* Takes one session over; import->verdict says what became of it. */
int datapath_import(struct datapath *dp, struct natgw_import *import);
/* Which drops are sampled from now on: a bit for each verdict. */
int datapath_set_samples(struct datapath *dp, const uint32_t bits[3]);
/* Hands on what the ring buffers "session_log" and "samples" hold at this moment, and returns.
 * Nobody else may read them. */
int datapath_poll_log(struct datapath *dp,
		      int (*fn)(const struct natgw_log_record *record, void *arg), void *arg);
int datapath_poll_samples(struct datapath *dp,
			  int (*fn)(const struct natgw_sample *sample, void *arg), void *arg);

/* ---- time and events ---- */

/* The data path's clock, in ticks; with the skew of tests. */
int datapath_now(struct datapath *dp, uint32_t *ret_ticks);

/* The ring buffer of struct natgw_event. The descriptor stays the datapath's. */
int datapath_events_fd(const struct datapath *dp);

#endif
