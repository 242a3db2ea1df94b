// SPDX-License-Identifier: GPL-2.0-only
/* Words of a query to a filter, and a filter against a record. Reads no map. */
#include "session_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "names.h"
#include "parse_util.h"
#include "record.h"

#define NS_PER_SECOND 1000000000ULL

/* One setter for each word; -EINVAL: the value is wrong. */
struct setter {
	const char *key;
	int (*fn)(const struct natgwd_state *state, const char *value, struct natgw_kill *filter);
	const char *right;
};

static int set_prefix(const char *value, __be32 *addr, __be32 *mask)
{
	__be32 parsed;
	uint8_t len = 32;

	if (parse_util_address(value, &parsed) < 0 && parse_util_prefix(value, &parsed, &len) < 0) {
		return -EINVAL;
	}
	*mask = parse_util_network(htonl(UINT32_MAX), len);
	*addr = parsed & *mask;
	return 0;
}

static int set_port(const char *value, __be16 *ret_port)
{
	uint16_t port;

	if (parse_util_port(value, &port) < 0) {
		return -EINVAL;
	}
	*ret_port = htons(port);
	return 0;
}

static int set_client(const struct natgwd_state *state, const char *value,
		      struct natgw_kill *filter)
{
	(void)state;
	return set_prefix(value, &filter->client, &filter->client_mask);
}

static int set_remote(const struct natgwd_state *state, const char *value,
		      struct natgw_kill *filter)
{
	(void)state;
	return set_prefix(value, &filter->rem_addr, &filter->rem_mask);
}

static int set_eip(const struct natgwd_state *state, const char *value, struct natgw_kill *filter)
{
	(void)state;
	return parse_util_address(value, &filter->ext_addr) < 0 || !filter->ext_addr ? -EINVAL : 0;
}

static int set_client_port(const struct natgwd_state *state, const char *value,
			   struct natgw_kill *filter)
{
	(void)state;
	return set_port(value, &filter->client_port);
}

static int set_remote_port(const struct natgwd_state *state, const char *value,
			   struct natgw_kill *filter)
{
	(void)state;
	return set_port(value, &filter->rem_port);
}

static int set_eip_port(const struct natgwd_state *state, const char *value,
			struct natgw_kill *filter)
{
	(void)state;
	return set_port(value, &filter->ext_port);
}

static int set_protocol(const struct natgwd_state *state, const char *value,
			struct natgw_kill *filter)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };

	(void)state;
	for (size_t i = 0; i < sizeof(protos); i++) {
		if (strcmp(value, names_ip_proto(protos[i])) == 0) {
			filter->proto = protos[i];
			return 0;
		}
	}
	return -EINVAL;
}

static int set_gateway(const struct natgwd_state *state, const char *value,
		       struct natgw_kill *filter)
{
	for (unsigned int i = 1; value[0] && i < NATGW_GATEWAYS_MAX; i++) {
		if (strcmp(state->gateways[i].name, value) == 0) {
			filter->gateway = (uint8_t)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_state(const struct natgwd_state *state, const char *value, struct natgw_kill *filter)
{
	(void)state;
	for (unsigned int i = NATGW_STATE_NEW; i <= NATGW_STATE_MAPPING; i++) {
		if (i != NATGW_STATE_DEAD && strcmp(value, names_session_state(i)) == 0) {
			filter->state = (uint8_t)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_idle(const struct natgwd_state *state, const char *value, struct natgw_kill *filter)
{
	uint32_t seconds;

	(void)state;
	if (parse_util_u32(value, &seconds) < 0) {
		return -EINVAL;
	}
	uint64_t ticks = (uint64_t)seconds * NS_PER_SECOND >> NATGW_TICK_SHIFT;

	if (ticks > UINT32_MAX) {
		return -EINVAL;
	}
	filter->idle = (uint32_t)ticks;
	return 0;
}

static const struct setter setters[] = {
	{ "client", set_client, "an IPv4 address like 10.0.1.5, or a prefix like 10.0.1.0/24" },
	{ "dst", set_remote, "an IPv4 address like 192.0.2.1, or a prefix like 192.0.2.0/24" },
	{ "eip", set_eip, "an IPv4 address like 203.0.113.10" },
	{ "client_port", set_client_port, "a port, 1 to 65535" },
	{ "port", set_remote_port, "a port, 1 to 65535" },
	{ "eip_port", set_eip_port, "a port, 1 to 65535" },
	{ "protocol", set_protocol, "one of tcp, udp, icmp" },
	{ "gateway", set_gateway, "the name of a gateway, see natgwctl status" },
	{ "state", set_state, "one of new, opening, established, hold, mapping" },
	{ "idle", set_idle, "a number of seconds, up to 4000000" },
};

int session_filter_set(const struct natgwd_state *state, const char *key, const char *value,
		       struct natgw_kill *filter, char *why)
{
	for (size_t i = 0; i < sizeof(setters) / sizeof(setters[0]); i++) {
		if (strcmp(setters[i].key, key) != 0) {
			continue;
		}
		int r = setters[i].fn(state, value, filter);

		if (r < 0) {
			(void)snprintf(why, SESSION_FILTER_WHY_MAX, "%s is %s, not \"%.40s\"", key,
				       setters[i].right, value);
		}
		return r;
	}
	return -ENOENT;
}

bool session_filter_is_set(const struct natgw_kill *filter)
{
	return filter->client_mask || filter->rem_mask || filter->ext_addr || filter->client_port ||
	       filter->rem_port || filter->ext_port || filter->proto || filter->gateway ||
	       filter->state || filter->idle;
}

static bool matches_ends(const struct natgw_kill *filter, const struct natgw_session_record *record)
{
	const struct natgw_session *in = &record->inbound;

	return (in->addr & filter->client_mask) == filter->client &&
	       (record->key.rem_addr & filter->rem_mask) == filter->rem_addr &&
	       (!filter->ext_addr || filter->ext_addr == record->key.ext_addr) &&
	       (!filter->client_port || filter->client_port == in->port) &&
	       (!filter->rem_port || filter->rem_port == record_orig_port(record)) &&
	       (!filter->ext_port || filter->ext_port == record->key.ext_port);
}

bool session_filter_matches(const struct natgw_kill *filter,
			    const struct natgw_session_record *record)
{
	return matches_ends(filter, record) &&
	       (!filter->proto || filter->proto == record->key.proto) &&
	       (!filter->gateway || filter->gateway == record_gateway(record)) &&
	       (!filter->state || filter->state == record_state(record)) &&
	       (!filter->idle || record_idle(record) >= filter->idle);
}
