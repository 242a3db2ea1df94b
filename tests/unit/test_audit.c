// SPDX-License-Identifier: GPL-2.0-only
/*
 * The audit against maps of its own: what is right is not found, each thing that is wrong is found
 * alone and named. Needs root, for the maps.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "audit_internal.h"
#include "natgw_table.h"

#define IP(a, b, c, d) (htonl((a) << 24 | (b) << 16 | (c) << 8 | (d)))
#define CLIENT IP(10, 0, 1, 10U)
#define CLIENT_B IP(10, 0, 1, 11U)
#define EIP IP(203U, 0, 113, 10)
#define REMOTE IP(198U, 51, 100, 7)
#define GATEWAY 1
#define ENTRIES 1024
#define SEED 0x123456789abcdef1ULL
#define CPUS_MAX 256
#define SECONDS(n) ((n)*NATGW_TICKS_PER_SECOND)

#define HALF_OPEN_S 30
#define ESTABLISHED_S 350
#define HOLD_S 60

static struct audit_maps maps;
static int cpus;
static uint32_t now;
/* The session tables, mapped. */
static struct natgw_table_size size;
static struct natgw_slot *outbound_slots, *inbound_slots;

/* ---- what the audit says ---- */

struct report {
	unsigned int count;
	enum audit_rule rule;
	char text[AUDIT_TEXT_MAX];
	uint64_t sessions;
};

static void keep(enum audit_rule rule, const char *text, void *arg)
{
	struct report *report = arg;

	if (report->count++ == 0) {
		report->rule = rule;
		(void)snprintf(report->text, sizeof(report->text), "%s", text);
	} else {
		print_message("also: I%d: %s\n", (int)rule, text);
	}
}

static struct report audit(struct audit_options options)
{
	struct report report = { 0 };
	struct audit_result result = { 0 };

	assert_int_equal(audit_run(&maps, &options, keep, &report, &result), 0);
	assert_int_equal(result.findings, report.count);
	report.sessions = result.sessions;
	return report;
}

static struct report audit_without(unsigned int without)
{
	return audit((struct audit_options){ .without = without, .at_rest = true });
}

static void assert_clean(void)
{
	struct report report = audit_without(0);

	if (report.count) {
		fail_msg("found I%d: %s", (int)report.rule, report.text);
	}
}

static void assert_finds(enum audit_rule rule, const char *text)
{
	struct report report = audit_without(0);

	if (report.count != 1 || report.rule != rule || strcmp(report.text, text) != 0) {
		fail_msg("%u found, first I%d: \"%s\"\nand not I%d: \"%s\"", report.count,
			 (int)report.rule, report.text, (int)rule, text);
	}
}

/* ---- maps ---- */

static void set(enum audit_map map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(maps.fd[map], key, value, BPF_ANY), 0);
}

static void set_row(enum audit_map map, uint32_t row, const void *value)
{
	set(map, &row, value);
}

static void get_row(enum audit_map map, uint32_t row, void *value)
{
	assert_int_equal(bpf_map_lookup_elem(maps.fd[map], &row, value), 0);
}

static void delete_row(enum audit_map map, const void *key)
{
	assert_int_equal(bpf_map_delete_elem(maps.fd[map], key), 0);
}

static int make_map(enum audit_map map)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);
	static const struct {
		enum bpf_map_type type;
		uint32_t key, value, entries;
	} specs[AUDIT_MAP_COUNT] = {
		[AUDIT_MAP_LAYOUT] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct natgw_layout), 1 },
		[AUDIT_MAP_CLOCK] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct natgw_clock), 1 },
		[AUDIT_MAP_GATEWAYS] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct natgw_gateway),
					 NATGW_GATEWAYS_MAX },
		[AUDIT_MAP_RULES] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct natgw_rule),
				      NATGW_RULES_MAX },
		[AUDIT_MAP_ADDRESSES] = { BPF_MAP_TYPE_HASH, 4, sizeof(struct natgw_address), 64 },
		[AUDIT_MAP_SUBNETS] = { BPF_MAP_TYPE_LPM_TRIE, 8, 4, 64 },
		/* Of as many entries as they have slots. */
		[AUDIT_MAP_OUTBOUND] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct natgw_slot), 0 },
		[AUDIT_MAP_INBOUND] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct natgw_slot), 0 },
		[AUDIT_MAP_CLIENTS] = { BPF_MAP_TYPE_HASH, 8, sizeof(struct natgw_client),
					ENTRIES },
		[AUDIT_MAP_CLIENT_PORTS] = { BPF_MAP_TYPE_HASH, 12, 4, ENTRIES },
		[AUDIT_MAP_GATEWAY_USE] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct natgw_gateway_use),
					    NATGW_GATEWAYS_MAX },
		[AUDIT_MAP_DESTINATIONS] = { BPF_MAP_TYPE_HASH, 12,
					     sizeof(struct natgw_destination), 16 },
		[AUDIT_MAP_PORT_USE] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct natgw_port_bits),
					 NATGW_PORT_USE_ROWS },
		[AUDIT_MAP_RESERVED_PORTS] = { BPF_MAP_TYPE_ARRAY, 4,
					       sizeof(struct natgw_port_bits),
					       NATGW_RESERVED_ROWS },
		[AUDIT_MAP_PHASE] = { BPF_MAP_TYPE_ARRAY, 4, 4, 1 },
		[AUDIT_MAP_TRAFFIC] = { BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct natgw_traffic),
					NATGW_GATEWAYS_MAX },
		[AUDIT_MAP_SEEN] = { BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct natgw_count),
				     NATGW_HOOK_COUNT },
		[AUDIT_MAP_VERDICTS] = { BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct natgw_count),
					 NATGW_VERDICT_ROWS },
	};

	uint32_t entries = specs[map].entries;

	if (specs[map].type == BPF_MAP_TYPE_LPM_TRIE) {
		options.map_flags = BPF_F_NO_PREALLOC;
	} else if (!entries) {
		entries = natgw_table_slots(&size);
		options.map_flags = BPF_F_MMAPABLE;
	}
	int fd = bpf_map_create(specs[map].type, NULL, specs[map].key, specs[map].value, entries,
				&options);

	if (fd < 0) {
		fail_msg("cannot make a map: %s (the test needs root)", strerror(-fd));
	}
	return fd;
}

static struct natgw_slot *map_slots(enum audit_map map)
{
	void *slots = mmap(NULL, natgw_table_slots(&size) * sizeof(struct natgw_slot),
			   PROT_READ | PROT_WRITE, MAP_SHARED, maps.fd[map], 0);

	assert_true(slots != MAP_FAILED);
	return slots;
}

static void unmap_slots(struct natgw_slot *slots)
{
	assert_int_equal(munmap(slots, natgw_table_slots(&size) * sizeof(*slots)), 0);
}

static struct natgw_gateway gateway_row(void)
{
	return (struct natgw_gateway){
		.state = NATGW_GATEWAY_AVAILABLE,
		.eip_count = 1,
		.port_first = 1024,
		.port_count = 64512,
		.destination_ports = 64512,
		.timeout = {
			[NATGW_TIMER_TCP_HALF_OPEN] = SECONDS(HALF_OPEN_S),
			[NATGW_TIMER_TCP_ESTABLISHED] = SECONDS(ESTABLISHED_S),
			[NATGW_TIMER_UDP_UNREPLIED] = SECONDS(30),
			[NATGW_TIMER_UDP_REPLIED] = SECONDS(300),
			[NATGW_TIMER_ICMP] = SECONDS(60),
			[NATGW_TIMER_HOLD_FIN] = SECONDS(HOLD_S),
			[NATGW_TIMER_HOLD_RST] = SECONDS(16),
			[NATGW_TIMER_HOLD_UDP] = SECONDS(65),
		},
	};
}

static int setup(void **state)
{
	const struct natgw_layout layout = { NATGW_LAYOUT_VERSION, ENTRIES, SEED };
	const struct natgw_address address = { .kind = NATGW_ADDRESS_EIP, .gateway = GATEWAY };
	const struct natgw_subnet_key prefix = { .prefix_len = 24, .addr = IP(10, 0, 1, 0U) };
	const struct natgw_subnet subnet = { .table = 1 };
	struct natgw_gateway gateway = gateway_row();
	struct timespec time;
	__be32 eip = EIP;

	(void)state;
	size = natgw_table_size_for(ENTRIES, SEED);
	for (int map = 0; map < AUDIT_MAP_COUNT; map++)
		maps.fd[map] = make_map(map);
	outbound_slots = map_slots(AUDIT_MAP_OUTBOUND);
	inbound_slots = map_slots(AUDIT_MAP_INBOUND);
	set_row(AUDIT_MAP_LAYOUT, 0, &layout);
	cpus = libbpf_num_possible_cpus();
	assert_in_range(cpus, 1, CPUS_MAX);
	clock_gettime(CLOCK_MONOTONIC, &time);
	now = (uint32_t)((uint64_t)(time.tv_sec * 1000000000LL + time.tv_nsec) >> NATGW_TICK_SHIFT);
	set_row(AUDIT_MAP_GATEWAYS, GATEWAY, &gateway);
	set(AUDIT_MAP_ADDRESSES, &eip, &address);
	set(AUDIT_MAP_SUBNETS, &prefix, &subnet);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unmap_slots(outbound_slots);
	unmap_slots(inbound_slots);
	audit_close(&maps);
	return 0;
}

/* ---- sessions ---- */

struct session {
	uint32_t state; /* OPENING when it is 0 */
	uint32_t seen;
	uint32_t rule;
	uint32_t generation;
	uint32_t idle; /* seconds */
	__be32 client; /* CLIENT when it is 0 */
	uint16_t int_port;
	uint16_t ext_port;
	uint16_t rem_port; /* on the wire; 0: an endpoint-independent mapping */
	uint8_t proto;
	uint16_t orig_port; /* as the client addressed it, behind a DNAT rule; else 0 */
};

static __be32 client_of(const struct session *session)
{
	return session->client ? session->client : CLIENT;
}

static struct natgw_outbound_key outbound_key(const struct session *session)
{
	return (struct natgw_outbound_key){
		.int_addr = client_of(session),
		.rem_addr = session->rem_port ? REMOTE : 0,
		.int_port = htons(session->int_port),
		.rem_port = htons(session->orig_port ? session->orig_port : session->rem_port),
		.proto = session->proto,
		.gateway = GATEWAY,
	};
}

static struct natgw_inbound_key inbound_key(const struct session *session)
{
	return (struct natgw_inbound_key){
		.ext_addr = EIP,
		.rem_addr = session->rem_port ? REMOTE : 0,
		.ext_port = htons(session->ext_port),
		.rem_port = htons(session->rem_port),
		.proto = session->proto,
	};
}

static struct natgw_session row_of(const struct session *session)
{
	uint64_t state = session->state ? session->state : NATGW_STATE_OPENING;

	return (struct natgw_session){
		.word = state | (uint64_t)session->seen << NATGW_WORD_SEEN_SHIFT |
			(uint64_t)GATEWAY << NATGW_WORD_GATEWAY_SHIFT |
			(uint64_t)session->rule << NATGW_WORD_RULE_SHIFT |
			(uint64_t)session->generation << NATGW_WORD_GENERATION_SHIFT,
		.last_seen = now - SECONDS(session->idle),
	};
}

/* The row that the key has, or a new one. */
static void put(struct natgw_slot *slots, const struct natgw_table_key *key,
		const struct natgw_session *row)
{
	__u64 word;
	uint32_t index = natgw_table_search(slots, &size, key, &word);

	if (index == NATGW_TABLE_NONE) {
		assert_int_equal(natgw_table_insert(slots, &size, key, row), 0);
		return;
	}
	natgw_table_fill(&slots[index], key, row);
	NATGW_TABLE_WRITE(&slots[index].row.word, row->word);
}

static void put_outbound(const struct natgw_outbound_key *key, const struct natgw_session *row)
{
	struct natgw_table_key table_key = natgw_outbound_table_key(key);

	put(outbound_slots, &table_key, row);
}

static void put_inbound(const struct natgw_inbound_key *key, const struct natgw_session *row)
{
	struct natgw_table_key table_key = natgw_inbound_table_key(key);

	put(inbound_slots, &table_key, row);
}

static void take_out(struct natgw_slot *slots, const struct natgw_table_key *key)
{
	__u64 word = 0, dead;
	uint32_t index = natgw_table_search(slots, &size, key, &word);

	assert_int_not_equal(index, NATGW_TABLE_NONE);
	dead = (word & ~NATGW_WORD_STATE_MASK) | NATGW_STATE_DEAD;
	NATGW_TABLE_WRITE(&slots[index].row.word, dead);
	natgw_table_release(slots, &size, key, dead);
}

static void set_outbound(const struct session *session)
{
	struct natgw_outbound_key key = outbound_key(session);
	struct natgw_session row = row_of(session);

	row.addr = EIP;
	row.port = htons(session->ext_port);
	row.orig_port = session->orig_port ? htons(session->rem_port) : 0;
	put_outbound(&key, &row);
}

static void set_inbound(const struct session *session)
{
	struct natgw_inbound_key key = inbound_key(session);
	struct natgw_session row = row_of(session);

	row.addr = client_of(session);
	row.port = htons(session->int_port);
	row.orig_port = htons(session->orig_port);
	put_inbound(&key, &row);
}

static void delete_outbound(const struct session *session)
{
	struct natgw_outbound_key key = outbound_key(session);
	struct natgw_table_key table_key = natgw_outbound_table_key(&key);

	take_out(outbound_slots, &table_key);
}

static void delete_inbound(const struct session *session)
{
	struct natgw_inbound_key key = inbound_key(session);
	struct natgw_table_key table_key = natgw_inbound_table_key(&key);

	take_out(inbound_slots, &table_key);
}

/* ---- counts ---- */

static void count_client(const struct session *session)
{
	const struct natgw_client_key key = { .addr = client_of(session), .gateway = GATEWAY };
	struct natgw_gateway_use use;
	struct natgw_client client = { 0 };

	get_row(AUDIT_MAP_GATEWAY_USE, GATEWAY, &use);
	if (bpf_map_lookup_elem(maps.fd[AUDIT_MAP_CLIENTS], &key, &client)) {
		use.clients++;
	}
	use.sessions++;
	use.mappings += session->state == NATGW_STATE_MAPPING;
	set_row(AUDIT_MAP_GATEWAY_USE, GATEWAY, &use);
	client.sessions++;
	client.opening += session->state == 0;
	set(AUDIT_MAP_CLIENTS, &key, &client);
}

static void count_client_port(const struct session *session)
{
	const struct natgw_client_port_key key = {
		.client = client_of(session),
		.rem_addr = REMOTE,
		.rem_port = htons(session->rem_port),
		.proto = session->proto,
		.gateway = GATEWAY,
	};
	uint32_t count = 0;

	(void)bpf_map_lookup_elem(maps.fd[AUDIT_MAP_CLIENT_PORTS], &key, &count);
	count++;
	set(AUDIT_MAP_CLIENT_PORTS, &key, &count);
}

static void count_created(uint64_t number)
{
	static struct natgw_traffic traffic[CPUS_MAX];

	get_row(AUDIT_MAP_TRAFFIC, GATEWAY, traffic);
	traffic[cpus - 1].created[NATGW_PROTO_UDP] += number;
	set_row(AUDIT_MAP_TRAFFIC, GATEWAY, traffic);
}

static void use_port(const struct session *session, bool used)
{
	uint32_t row = natgw_port_use_index(0, 0, audit_session_proto(session->proto));
	uint64_t bit = 1ULL << (session->ext_port & 63);
	struct natgw_port_bits bits;

	get_row(AUDIT_MAP_PORT_USE, row, &bits);
	bits.word[session->ext_port >> 6] &= ~bit;
	bits.word[session->ext_port >> 6] |= used ? bit : 0;
	set_row(AUDIT_MAP_PORT_USE, row, &bits);
}

/* As the programs make it: both rows, and counted wherever it is to be. */
static void add(const struct session *session)
{
	set_outbound(session);
	set_inbound(session);
	count_client(session);
	use_port(session, true);
	if (session->seen & NATGW_SEEN_CLIENT_PORT) {
		count_client_port(session);
	}
	if (session->state != NATGW_STATE_MAPPING) {
		count_created(1);
	}
}

static const struct session plain = {
	.proto = IPPROTO_TCP, .generation = 7, .int_port = 4000, .ext_port = 50000, .rem_port = 80
};
#define PLAIN_OUTBOUND "outbound row tcp 10.0.1.10:4000 to 198.51.100.7:80, gateway 1"
#define PLAIN_INBOUND "inbound row tcp 203.0.113.10:50000 from 198.51.100.7:80"

/* ---- nothing is wrong ---- */

static void test_empty(void **state)
{
	(void)state;
	assert_clean();
	assert_int_equal(audit_without(0).sessions, 0);
}

static void test_sessions(void **state)
{
	const struct session sessions[] = {
		plain,
		{ NATGW_STATE_ESTABLISHED, 0, 0, 8, 340, CLIENT_B, 4000, 50001, 80, IPPROTO_TCP,
		  0 },
		{ NATGW_STATE_ESTABLISHED, 1, 0, 9, 0, 0, 4000, 50000, 53, IPPROTO_UDP, 0 },
		{ NATGW_STATE_ESTABLISHED, 1, 0, 9, 0, 0, 77, 50000, 1, IPPROTO_ICMP, 0 },
		{ 0, NATGW_SEEN_CLIENT_PORT, 0, 10, 0, 0, 4001, 50002, 443, IPPROTO_TCP, 0 },
		{ NATGW_STATE_HOLD, 6, 0, 11, 10, 0, 4002, 50003, 80, IPPROTO_TCP, 0 },
		{ NATGW_STATE_ESTABLISHED, 0, 0, 12, 5000, 0, 4003, 50004, 80, IPPROTO_TCP, 0 },
		{ NATGW_STATE_MAPPING, 0, 0, 13, 0, 0, 4004, 50005, 0, IPPROTO_UDP, 0 },
		{ 0, NATGW_SEEN_MAPPING, 0, 14, 0, 0, 4004, 50005, 99, IPPROTO_UDP, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++)
		add(&sessions[i]);
	assert_clean();
	assert_int_equal(audit_without(0).sessions, sizeof(sessions) / sizeof(sessions[0]));
}

/* Behind a DNAT rule: port 8001 to the client, 443 to the server. */
static void test_session_of_a_dnat_rule(void **state)
{
	struct session session = plain;

	(void)state;
	session.rem_port = 443;
	session.orig_port = 8001;
	session.seen = NATGW_SEEN_CLIENT_PORT;
	add(&session);
	assert_clean();
	/* The two ports are part of how the rows name each other. */
	session.orig_port = 8002;
	set_inbound(&session);
	session.orig_port = 8001;
	session.idle = HALF_OPEN_S + 1; /* or the other row would be named as well */
	set_outbound(&session);
	assert_finds(AUDIT_I1, "inbound row tcp 203.0.113.10:50000 from 198.51.100.7:443: "
			       "it lives and has no outbound row");
}

/* Held, or over: its client has begun another session since. */
static void test_inbound_row_that_is_over_alone(void **state)
{
	struct session session = plain;

	(void)state;
	session.state = NATGW_STATE_HOLD;
	session.idle = 10;
	add(&session);
	delete_outbound(&session);
	assert_clean();
	session.state = NATGW_STATE_ESTABLISHED;
	session.idle = ESTABLISHED_S + 1;
	set_inbound(&session);
	assert_clean();
}

static void test_outbound_row_that_is_over_alone(void **state)
{
	struct session session = plain;

	(void)state;
	session.idle = HALF_OPEN_S + 1;
	set_outbound(&session);
	assert_clean();
}

/* ---- I1 ---- */

static void test_outbound_row_alone(void **state)
{
	struct session session = plain;

	(void)state;
	session.idle = HALF_OPEN_S - 1;
	set_outbound(&session);
	assert_finds(AUDIT_I1, PLAIN_OUTBOUND ": it has no inbound row");
}

static void test_inbound_row_alone(void **state)
{
	struct session session = plain;

	(void)state;
	session.idle = HALF_OPEN_S - 1;
	add(&session);
	delete_outbound(&session);
	assert_finds(AUDIT_I1, PLAIN_INBOUND ": it lives and has no outbound row");
}

static void test_rows_of_two_generations(void **state)
{
	struct session session = plain;

	(void)state;
	add(&session);
	session.generation++;
	session.idle = HALF_OPEN_S + 1;
	set_outbound(&session);
	assert_finds(AUDIT_I1, PLAIN_INBOUND
		     ": it lives, and its outbound row is of another generation: " PLAIN_OUTBOUND);
}

static void test_inbound_row_points_elsewhere(void **state)
{
	struct session session = plain;

	(void)state;
	add(&session);
	session.int_port = 4001;
	session.idle = HALF_OPEN_S + 1; /* or it would be named as well */
	set_inbound(&session);
	assert_finds(AUDIT_I1,
		     PLAIN_OUTBOUND ": its inbound row does not point back: " PLAIN_INBOUND);
}

static void test_outbound_row_points_elsewhere(void **state)
{
	struct session session = plain;

	(void)state;
	add(&session);
	session.ext_port = 50001;
	session.idle = HALF_OPEN_S + 1;
	set_outbound(&session);
	assert_finds(AUDIT_I1, PLAIN_INBOUND
		     ": it lives, and its outbound row does not point back: " PLAIN_OUTBOUND);
}

static void test_states_that_may_not_stay(void **state)
{
	struct session session = plain;

	(void)state;
	add(&session);
	session.state = NATGW_STATE_DEAD;
	set_outbound(&session);
	assert_finds(AUDIT_I1, PLAIN_OUTBOUND ": no row may stay in this state: DEAD");
	session.state = 0;
	set_outbound(&session);
	assert_clean();
	session.state = NATGW_STATE_ESTABLISHED;
	set_outbound(&session);
	assert_finds(AUDIT_I1, PLAIN_INBOUND
		     ": its outbound row says another state: OPENING and ESTABLISHED");
	delete_outbound(&session);
	set_inbound(&session);
	session.state = NATGW_STATE_NEW;
	set_inbound(&session);
	struct report report = audit_without(1U << AUDIT_I4);

	assert_int_equal(report.count, 1);
	assert_string_equal(report.text, PLAIN_INBOUND ": no row may stay in this state: NEW");
}

/* ---- I1: the slots ---- */

static uint32_t slot_of(const struct session *session)
{
	struct natgw_inbound_key key = inbound_key(session);
	struct natgw_table_key table_key = natgw_inbound_table_key(&key);
	__u64 word;

	return natgw_table_search(inbound_slots, &size, &table_key, &word);
}

static uint32_t home_of(const struct session *session)
{
	struct natgw_inbound_key key = inbound_key(session);
	struct natgw_table_key table_key = natgw_inbound_table_key(&key);

	return natgw_table_home(&size, natgw_table_hash(&table_key, SEED));
}

static void assert_finds_slot(uint32_t slot, const char *what)
{
	char text[AUDIT_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "slot %u of inbound: %s", slot, what);
	assert_finds(AUDIT_I1, text);
}

static void test_row_that_no_lookup_finds(void **state)
{
	uint32_t home = home_of(&plain);
	uint32_t hops;

	(void)state;
	add(&plain);
	hops = inbound_slots[home].row.hops;
	inbound_slots[home].row.hops = 0;
	assert_finds(AUDIT_I1, PLAIN_INBOUND ": no lookup finds it");
	inbound_slots[home].row.hops = hops;
	assert_clean();
}

static void test_home_of_a_slot_that_is_not_its(void **state)
{
	uint32_t home = home_of(&plain), other = (home ^ 30) ^ 5;
	char text[128];

	(void)state;
	add(&plain);
	inbound_slots[home].row.hops |= 1U << 30;
	(void)snprintf(text, sizeof(text), "no row of this home is in the slot that it names: %u",
		       home ^ 30);
	assert_finds_slot(home, text);
	inbound_slots[home].row.hops &= ~(1U << 30);
	/* Another's. */
	inbound_slots[other].row.hops |= 1U << (other ^ slot_of(&plain));
	(void)snprintf(text, sizeof(text), "no row of this home is in the slot that it names: %u",
		       slot_of(&plain));
	assert_finds_slot(other, text);
}

static void test_locked_slot(void **state)
{
	(void)state;
	add(&plain);
	inbound_slots[77].row.hops |= NATGW_TABLE_LOCK;
	assert_finds_slot(77, "it is locked, and nobody inserts");
}

static void test_claimed_slot(void **state)
{
	(void)state;
	add(&plain);
	inbound_slots[77].row.word = NATGW_STATE_CLAIMED | 5ULL << NATGW_WORD_GENERATION_SHIFT;
	assert_finds_slot(77, "it is claimed, and nobody writes it");
}

/* When all slots near the home are taken. */
static void test_row_in_the_tail(void **state)
{
	uint32_t home = home_of(&plain);

	(void)state;
	for (uint32_t hop = 0; hop < NATGW_TABLE_HOPS; hop++)
		inbound_slots[home ^ hop].row.word = NATGW_STATE_CLAIMED;
	add(&plain);
	assert_true(slot_of(&plain) >= size.groups * NATGW_TABLE_GROUP);
	for (uint32_t hop = 0; hop < NATGW_TABLE_HOPS; hop++)
		inbound_slots[home ^ hop].row.word = 0;
	assert_clean();
	inbound_slots[home].rest += 1ULL << NATGW_TABLE_TAIL_SHIFT;
	assert_finds_slot(home, "rows of this home in the tail: 2, the rows give 1");
	inbound_slots[home].rest -= 1ULL << NATGW_TABLE_TAIL_SHIFT;
	delete_inbound(&plain);
	assert_int_equal(inbound_slots[home].rest >> NATGW_TABLE_TAIL_SHIFT, 0);
}

/* ---- I2 ---- */

static void test_two_sessions_share_an_endpoint(void **state)
{
	struct session session = plain;

	(void)state;
	add(&session);
	session.client = CLIENT_B;
	session.generation++;
	set_outbound(&session);
	assert_finds(AUDIT_I2, "outbound row tcp 10.0.1.11:4000 to 198.51.100.7:80, gateway 1: "
			       "external and remote endpoint are also those of " PLAIN_OUTBOUND);
}

static void test_mapped_port_is_used_by_another(void **state)
{
	struct session session = { .proto = IPPROTO_UDP,
				   .state = NATGW_STATE_MAPPING,
				   .generation = 3,
				   .int_port = 4000,
				   .ext_port = 50000 };

	(void)state;
	add(&session);
	session.state = 0;
	session.client = CLIENT_B;
	session.rem_port = 53;
	session.idle = 30 + 65 + 1;
	add(&session);
	assert_clean(); /* over */
	session.idle = 30 + 65 - 1;
	set_inbound(&session);
	assert_finds(AUDIT_I2, "inbound row udp 203.0.113.10:50000 from 198.51.100.7:53: external "
			       "port is mapped to another client by inbound row udp "
			       "203.0.113.10:50000 from 0.0.0.0:0");
}

/* ---- I3 ---- */

static void test_bounds(void **state)
{
	const struct natgw_subnet_key prefix = { .prefix_len = 24, .addr = IP(10, 0, 1, 0U) };
	struct natgw_address address = { .kind = NATGW_ADDRESS_EIP, .gateway = 2 };
	struct natgw_gateway gateway = gateway_row();
	struct session session = plain;
	__be32 eip = EIP;

	(void)state;
	session.idle = 1;
	add(&session);
	gateway.port_count = 50000 - 1024;
	set_row(AUDIT_MAP_GATEWAYS, GATEWAY, &gateway);
	assert_finds(AUDIT_I3, PLAIN_INBOUND ": external port is not in its gateway's range");
	gateway.port_first = 50001;
	set_row(AUDIT_MAP_GATEWAYS, GATEWAY, &gateway);
	assert_finds(AUDIT_I3, PLAIN_INBOUND ": external port is not in its gateway's range");
	gateway.port_first = 50000;
	gateway.port_count = 1;
	set_row(AUDIT_MAP_GATEWAYS, GATEWAY, &gateway);
	assert_clean();
	set(AUDIT_MAP_ADDRESSES, &eip, &address);
	assert_finds(AUDIT_I3,
		     PLAIN_INBOUND ": external address and session belong to the gateways 2 and 1");
	address.draining = 1;
	set(AUDIT_MAP_ADDRESSES, &eip, &address);
	assert_clean();
	address.kind = NATGW_ADDRESS_HOST;
	set(AUDIT_MAP_ADDRESSES, &eip, &address);
	assert_finds(AUDIT_I3, PLAIN_INBOUND ": external address is no EIP");
	delete_row(AUDIT_MAP_ADDRESSES, &eip);
	assert_finds(AUDIT_I3, PLAIN_INBOUND ": external address is no EIP");
	address = (struct natgw_address){ .kind = NATGW_ADDRESS_EIP, .gateway = GATEWAY };
	set(AUDIT_MAP_ADDRESSES, &eip, &address);
	delete_row(AUDIT_MAP_SUBNETS, &prefix);
	assert_finds(AUDIT_I3, PLAIN_INBOUND ": internal address is in no subnet");
}

static void reserve(uint8_t proto, uint16_t port, bool reserved)
{
	uint32_t row = natgw_reserved_index(0, audit_session_proto(proto));
	struct natgw_port_bits bits = { 0 };

	bits.word[port >> 6] = reserved ? 1ULL << (port & 63) : 0;
	set_row(AUDIT_MAP_RESERVED_PORTS, row, &bits);
}

/* Port 80 is nobody's but a forward's. */
static void test_session_of_a_port_forward(void **state)
{
	struct session session = { 0, 0, 0, 5, 0, 0, 8080, 80, 40000, IPPROTO_TCP, 0 };

	(void)state;
	add(&session);
	assert_finds(AUDIT_I3, "inbound row tcp 203.0.113.10:80 from 198.51.100.7:40000: "
			       "external port is not in its gateway's range");
	reserve(IPPROTO_TCP, 80, true);
	assert_clean();
	reserve(IPPROTO_TCP, 80, false);
	reserve(IPPROTO_UDP, 80, true);
	assert_int_equal(audit_without(0).count, 1);
	/* The forward has gone, the session has not: the remote endpoint began it. */
	session.seen = NATGW_SEEN_SYN_ACK_OUT;
	set_outbound(&session);
	set_inbound(&session);
	assert_clean();
}

static void test_session_in_two_stages(void **state)
{
	struct natgw_address eip_row = { .kind = NATGW_ADDRESS_EIP,
					 .gateway = GATEWAY,
					 .peer = IP(192U, 0, 2, 9) };
	struct natgw_address staged = { .kind = NATGW_ADDRESS_STAGED,
					.gateway = GATEWAY,
					.peer = EIP };
	struct natgw_gateway gateway = gateway_row();
	__be32 eip = EIP;

	(void)state;
	gateway.flags = NATGW_GATEWAY_TWO_STAGE;
	set_row(AUDIT_MAP_GATEWAYS, GATEWAY, &gateway);
	add(&plain);
	assert_finds(AUDIT_I3, PLAIN_INBOUND
		     ": external address is private, and no public address leads to it");
	set(AUDIT_MAP_ADDRESSES, &eip, &eip_row);
	set(AUDIT_MAP_ADDRESSES, &eip_row.peer, &staged);
	assert_clean();
	staged.peer = IP(10, 0, 0, 7U);
	set(AUDIT_MAP_ADDRESSES, &eip_row.peer, &staged);
	assert_int_equal(audit_without(0).count, 1);
}

/* Its remote endpoint is one of natgw's own EIPs. */
static void test_hairpinned_session(void **state)
{
	struct natgw_inbound_key inbound = inbound_key(&plain);
	struct natgw_outbound_key outbound = outbound_key(&plain);
	struct natgw_session row = row_of(&plain);
	struct natgw_table_key outbound_table_key;

	(void)state;
	add(&plain);
	delete_outbound(&plain);
	delete_inbound(&plain);
	inbound.rem_addr = EIP;
	row.addr = CLIENT;
	row.port = htons(plain.int_port);
	put_inbound(&inbound, &row);
	outbound.rem_addr = EIP;
	row.addr = EIP;
	row.port = htons(plain.ext_port);
	put_outbound(&outbound, &row);
	assert_clean();
	/* What is wrong with it is found as with any other. */
	outbound_table_key = natgw_outbound_table_key(&outbound);
	take_out(outbound_slots, &outbound_table_key);
	assert_finds(AUDIT_I1, "inbound row tcp 203.0.113.10:50000 from 203.0.113.10:80: "
			       "it lives and has no outbound row");
}

static void test_gateway_and_rule_exist(void **state)
{
	struct natgw_gateway gateway = gateway_row();
	struct natgw_rule rule = { .used = 1 };
	struct session session = plain;

	(void)state;
	memcpy(rule.timeout, gateway.timeout, sizeof(rule.timeout));
	session.rule = 5;
	add(&session);
	set_row(AUDIT_MAP_RULES, 5, &rule);
	assert_clean();
	rule.used = 0;
	set_row(AUDIT_MAP_RULES, 5, &rule);
	assert_finds(AUDIT_I3, PLAIN_INBOUND ": its rule does not exist: 5");
	rule.used = 1;
	set_row(AUDIT_MAP_RULES, 5, &rule);
	gateway.state = NATGW_GATEWAY_NONE;
	set_row(AUDIT_MAP_GATEWAYS, GATEWAY, &gateway);
	assert_finds(AUDIT_I3, PLAIN_INBOUND ": its gateway does not exist: 1");
}

/* The timers of the rule count, not those of the gateway. */
static void test_timers_of_the_rule(void **state)
{
	struct natgw_rule rule = {
		.used = 1,
		.timeout = { [NATGW_TIMER_TCP_HALF_OPEN] = SECONDS(500) },
	};
	struct session session = plain;

	(void)state;
	session.rule = 5;
	session.idle = 499;
	set_row(AUDIT_MAP_RULES, 5, &rule);
	set_outbound(&session);
	assert_finds(AUDIT_I1, PLAIN_OUTBOUND ": it has no inbound row");
	session.idle = 501;
	set_outbound(&session);
	assert_clean();
}

/* ---- I4 ---- */

static void test_sums_of_a_gateway(void **state)
{
	struct natgw_gateway_use use, right;

	(void)state;
	add(&plain);
	get_row(AUDIT_MAP_GATEWAY_USE, GATEWAY, &right);
	use = right;
	use.sessions = 3;
	set_row(AUDIT_MAP_GATEWAY_USE, GATEWAY, &use);
	assert_finds(AUDIT_I4, "gateway 1: gateway_use: sessions 3, the rows give 1");
	use = right;
	use.clients = 0;
	set_row(AUDIT_MAP_GATEWAY_USE, GATEWAY, &use);
	assert_finds(AUDIT_I4, "gateway 1: gateway_use: clients 0, the rows give 1");
	use = right;
	use.mappings = 1;
	set_row(AUDIT_MAP_GATEWAY_USE, GATEWAY, &use);
	assert_finds(AUDIT_I4, "gateway 1: gateway_use: mappings 1, the rows give 0");
	set_row(AUDIT_MAP_GATEWAY_USE, GATEWAY, &right);
	count_created(1);
	assert_finds(AUDIT_I4,
		     "gateway 1: traffic: sessions created less closed 2, the rows give 1");
}

static void test_sums_of_a_client(void **state)
{
	const struct natgw_client_key key = { .addr = CLIENT, .gateway = GATEWAY };
	struct natgw_client client = { .sessions = 2, .opening = 1 };

	(void)state;
	add(&plain);
	set(AUDIT_MAP_CLIENTS, &key, &client);
	assert_finds(AUDIT_I4,
		     "client 10.0.1.10 of gateway 1: clients: sessions 2, the rows give 1");
	client = (struct natgw_client){ .sessions = 1, .opening = 0 };
	set(AUDIT_MAP_CLIENTS, &key, &client);
	assert_finds(AUDIT_I4,
		     "client 10.0.1.10 of gateway 1: clients: opening 0, the rows give 1");
	client = (struct natgw_client){ .sessions = 1 | NATGW_COUNT_DEAD, .opening = 1 };
	set(AUDIT_MAP_CLIENTS, &key, &client);
	assert_int_equal(audit_without(0).count, 1);
}

static void test_session_without_client(void **state)
{
	const struct natgw_client_key key = { .addr = CLIENT, .gateway = GATEWAY };
	struct natgw_gateway_use use;

	(void)state;
	add(&plain);
	delete_row(AUDIT_MAP_CLIENTS, &key);
	get_row(AUDIT_MAP_GATEWAY_USE, GATEWAY, &use);
	use.clients = 0;
	set_row(AUDIT_MAP_GATEWAY_USE, GATEWAY, &use);
	assert_finds(AUDIT_I4, PLAIN_INBOUND ": its client has no row in clients");
}

static void test_ports_of_a_client(void **state)
{
	const struct natgw_client_port_key key = {
		.client = CLIENT,
		.rem_addr = REMOTE,
		.rem_port = htons(80),
		.proto = IPPROTO_TCP,
		.gateway = GATEWAY,
	};
	struct session session = plain;
	uint32_t two = 2;

	(void)state;
	session.seen = NATGW_SEEN_CLIENT_PORT;
	add(&session);
	set(AUDIT_MAP_CLIENT_PORTS, &key, &two);
	assert_finds(AUDIT_I4,
		     "client 10.0.1.10 of gateway 1 to tcp 198.51.100.7:80: client_ports: "
		     "sessions 2, the rows give 1");
	delete_row(AUDIT_MAP_CLIENT_PORTS, &key);
	assert_finds(AUDIT_I4, PLAIN_INBOUND ": its client has no row in client_ports");
}

#define DESTINATION "destination tcp 198.51.100.7:80 from 203.0.113.10, gateway 1"

static void set_destination(const struct natgw_destination *destination)
{
	const struct natgw_destination_key key = {
		.ext_addr = EIP,
		.rem_addr = REMOTE,
		.rem_port = htons(80),
		.proto = IPPROTO_TCP,
		.gateway = GATEWAY,
	};

	set(AUDIT_MAP_DESTINATIONS, &key, destination);
}

static void test_destinations(void **state)
{
	struct natgw_destination right = { .count = 1, .walked = 64512 }, wrong;

	(void)state;
	add(&plain);
	right.bits.word[50000 >> 6] = 1ULL << (50000 & 63);
	set_destination(&right);
	assert_clean();
	wrong = right;
	wrong.count = 2;
	set_destination(&wrong);
	assert_finds(AUDIT_I4, DESTINATION ": destinations: count, and bits set: 2 and 1");
	wrong = right;
	wrong.count = 2;
	wrong.bits.word[2000 >> 6] = 1ULL << (2000 & 63);
	set_destination(&wrong);
	assert_finds(AUDIT_I4,
		     DESTINATION ": destinations: no session has the port that is set: 2000");
	/* A port that no session may have counts as taken. */
	reserve(IPPROTO_TCP, 2000, true);
	assert_clean();
	reserve(IPPROTO_TCP, 2000, false);
	wrong = right;
	wrong.bits.summary[50000 >> 12] = 1ULL << (50000 >> 6 & 63);
	set_destination(&wrong);
	assert_finds(AUDIT_I4, DESTINATION ": destinations: the summary hides a free port: 49984");
	wrong = (struct natgw_destination){ .walked = 64512 };
	set_destination(&wrong);
	assert_finds(AUDIT_I4, PLAIN_INBOUND ": its port is not set in destinations");
	wrong.walked = 64511; /* it is still being made */
	set_destination(&wrong);
	assert_clean();
}

/* Full is what is full within the gateway's range. */
static void test_full_word_at_the_end_of_the_range(void **state)
{
	struct natgw_destination destination = { .count = 1, .walked = 1 };
	struct natgw_gateway gateway = gateway_row();

	(void)state;
	gateway.port_first = 50000;
	gateway.port_count = 1;
	set_row(AUDIT_MAP_GATEWAYS, GATEWAY, &gateway);
	add(&plain);
	destination.bits.word[50000 >> 6] = 1ULL << (50000 & 63);
	destination.bits.summary[50000 >> 12] = 1ULL << (50000 >> 6 & 63);
	set_destination(&destination);
	assert_clean();
}

static void test_ports_of_an_eip(void **state)
{
	(void)state;
	add(&plain);
	use_port(&plain, false);
	assert_finds(AUDIT_I4, PLAIN_INBOUND ": its port is not set in port_use");
	uint32_t phase = 1;

	use_port(&plain, true);
	assert_clean();
	set_row(AUDIT_MAP_PHASE, 0, &phase);
	assert_finds(AUDIT_I4, PLAIN_INBOUND ": its port is not set in port_use");
}

/* ---- I5 ---- */

static void test_held_endpoint_is_used_again(void **state)
{
	struct session session = plain;

	(void)state;
	session.state = NATGW_STATE_HOLD;
	session.idle = HOLD_S - 1;
	add(&session);
	session = plain;
	session.client = CLIENT_B;
	session.generation++;
	set_outbound(&session);
	assert_finds(AUDIT_I5, "outbound row tcp 10.0.1.11:4000 to 198.51.100.7:80, gateway 1: "
			       "external and remote endpoint are still held by " PLAIN_INBOUND);
	/* The same client, after its own row went. */
	delete_outbound(&session);
	session.client = CLIENT;
	set_outbound(&session);
	assert_finds(AUDIT_I5, PLAIN_OUTBOUND
		     ": external and remote endpoint are still held by " PLAIN_INBOUND);
}

/* ---- I6 ---- */

static void set_count(enum audit_map map, uint32_t row, uint64_t packets, uint64_t bytes)
{
	struct natgw_count counts[CPUS_MAX] = { 0 };

	counts[cpus - 1] = (struct natgw_count){ .packets = packets, .bytes = bytes };
	set_row(map, row, counts);
}

static void test_packets(void **state)
{
	uint32_t verdict =
		natgw_verdict_index(0, NATGW_HOOK_TC_EGRESS, NATGW_OTHER, NATGW_PASS_HOST);
	uint32_t last = natgw_verdict_index(NATGW_GATEWAYS_MAX - 1, NATGW_HOOK_TC_EGRESS,
					    NATGW_INBOUND, NATGW_DROP_PORT_QUOTA);

	(void)state;
	set_count(AUDIT_MAP_SEEN, NATGW_HOOK_TC_EGRESS, 10, 1000);
	set_count(AUDIT_MAP_VERDICTS, verdict, 6, 900);
	set_count(AUDIT_MAP_VERDICTS, last, 4, 100);
	assert_clean();
	set_count(AUDIT_MAP_VERDICTS, last, 5, 100);
	assert_finds(AUDIT_I6, "hook tc_egress: packets seen, and verdicts given: 10 and 11");
	set_count(AUDIT_MAP_VERDICTS, last, 3, 100);
	assert_finds(AUDIT_I6, "hook tc_egress: packets seen, and verdicts given: 10 and 9");
	set_count(AUDIT_MAP_VERDICTS, last, 4, 99);
	assert_finds(AUDIT_I6,
		     "hook tc_egress: bytes seen, and bytes of all verdicts: 1000 and 999");
}

/* ---- the table and the looks ---- */

/* Rules that are left out say nothing. */
static void test_without_a_rule(void **state)
{
	(void)state;
	set_outbound(&plain);
	assert_int_equal(audit_without(1U << AUDIT_I1).count, 0);
	assert_int_equal(audit_without(1U << AUDIT_I2).count, 1);
}

static atomic_bool changing;
static atomic_uint changes;

static void *change(void *arg)
{
	struct session session = plain;

	(void)arg;
	while (atomic_load(&changing)) {
		session.generation++;
		set_outbound(&session);
		atomic_fetch_add(&changes, 1);
	}
	return NULL;
}

/* Wrong at every look, but each time another generation: rows that come and go. */
static void test_what_changes_is_not_found(void **state)
{
	pthread_t thread;

	(void)state;
	set_outbound(&plain);
	atomic_store(&changing, true);
	assert_int_equal(pthread_create(&thread, NULL, change, NULL), 0);
	while (!atomic_load(&changes)) {
		(void)sched_yield();
	}
	struct report report = audit((struct audit_options){ 0 });

	/* On a busy machine the changer may rest over all looks of one audit. */
	for (int i = 0; report.count && i < 4; i++) {
		report = audit((struct audit_options){ 0 });
	}
	atomic_store(&changing, false);
	pthread_join(thread, NULL);
	assert_int_equal(report.count, 0);
	assert_int_equal(audit((struct audit_options){ 0 }).count, 1);
}

/* Batches of one megabyte: several of them, and nothing twice. */
static void test_a_table_of_many_batches(void **state)
{
	enum { ROWS = 50000 };
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, NULL, 16, 48, ROWS, NULL);
	struct audit_table table;
	uint32_t key[4] = { 0 }, value[12] = { 0 };

	(void)state;
	assert_true(fd >= 0);
	for (uint32_t i = 0; i < ROWS; i++) {
		key[0] = i;
		value[11] = ~i;
		assert_int_equal(bpf_map_update_elem(fd, key, value, BPF_NOEXIST), 0);
	}
	assert_int_equal(audit_table_read(fd, 16, 48, &table), 0);
	assert_int_equal(table.count, ROWS);
	for (uint32_t i = 0; i < ROWS; i++) {
		key[0] = i;
		const uint32_t *found = audit_table_get(&table, key);

		assert_non_null(found);
		assert_int_equal(found[11], ~i);
	}
	key[1] = 1;
	assert_null(audit_table_get(&table, key));
	audit_table_free(&table);
	close(fd);
}

/* A map that the kernel gives no batches of. */
static void test_a_table_without_batches(void **state)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_DEVMAP_HASH, NULL, 4, 4, 16, NULL);
	uint32_t key = 3, loopback = 1, cursor = 0, keys[16], values[16], count = 16;
	struct audit_table table;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &key, &loopback, BPF_ANY), 0);
	key = 9;
	assert_int_equal(bpf_map_update_elem(fd, &key, &loopback, BPF_ANY), 0);
	assert_true(bpf_map_lookup_batch(fd, NULL, &cursor, keys, values, &count, NULL) < 0);
	assert_int_equal(audit_table_read(fd, 4, 4, &table), 0);
	assert_int_equal(table.count, 2);
	assert_non_null(audit_table_get(&table, &key));
	audit_table_free(&table);
	assert_int_equal(audit_table_read(fd, 8, 4, &table), -EPROTO);
	close(fd);
}

static void test_pins_that_are_not_there(void **state)
{
	struct audit_maps none;
	const char *name = NULL;

	(void)state;
	assert_int_equal(audit_open("/sys/fs/bpf/natgw-no-such-folder", &none, &name), -ENOENT);
	assert_string_equal(name, "layout");
	audit_close(&none);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_empty),
		TEST(test_sessions),
		TEST(test_session_of_a_dnat_rule),
		TEST(test_inbound_row_that_is_over_alone),
		TEST(test_outbound_row_that_is_over_alone),
		TEST(test_outbound_row_alone),
		TEST(test_inbound_row_alone),
		TEST(test_rows_of_two_generations),
		TEST(test_inbound_row_points_elsewhere),
		TEST(test_outbound_row_points_elsewhere),
		TEST(test_states_that_may_not_stay),
		TEST(test_row_that_no_lookup_finds),
		TEST(test_home_of_a_slot_that_is_not_its),
		TEST(test_locked_slot),
		TEST(test_claimed_slot),
		TEST(test_row_in_the_tail),
		TEST(test_two_sessions_share_an_endpoint),
		TEST(test_mapped_port_is_used_by_another),
		TEST(test_bounds),
		TEST(test_session_of_a_port_forward),
		TEST(test_session_in_two_stages),
		TEST(test_hairpinned_session),
		TEST(test_gateway_and_rule_exist),
		TEST(test_timers_of_the_rule),
		TEST(test_sums_of_a_gateway),
		TEST(test_sums_of_a_client),
		TEST(test_session_without_client),
		TEST(test_ports_of_a_client),
		TEST(test_destinations),
		TEST(test_full_word_at_the_end_of_the_range),
		TEST(test_ports_of_an_eip),
		TEST(test_held_endpoint_is_used_again),
		TEST(test_packets),
		TEST(test_without_a_rule),
		TEST(test_what_changes_is_not_found),
		cmocka_unit_test(test_a_table_of_many_batches),
		cmocka_unit_test(test_a_table_without_batches),
		cmocka_unit_test(test_pins_that_are_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
