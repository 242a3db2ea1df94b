// SPDX-License-Identifier: GPL-2.0-only
/* Sessions as JSON text. Not responsible for deciding expiry: the record carries age and timeout.
 */
#include "api_sessions.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "names.h"
#include "snapshot.h"

struct writer {
	const struct natgwd_state *state;
	const struct api_sessions_filter *filter;
	struct evbuffer *out;
	bool some;
	unsigned int gateway; /* of gateway_text: sessions of one gateway come in crowds */
	char *gateway_text;   /* its name as JSON, quoted */
};

/* Ticks since a packet of either direction; the clocks of two CPUs may differ by one tick. */
static uint32_t idle_ticks(const struct natgw_session_record *record)
{
	int32_t idle = (int32_t)(record->now - record->inbound.last_seen);
	int32_t other = (int32_t)(record->now - record->outbound.last_seen);

	if (record->outbound.word != 0 && other < idle) {
		idle = other;
	}
	return idle > 0 ? (uint32_t)idle : 0;
}

static uint64_t ns_of_ticks(uint32_t ticks)
{
	return (uint64_t)ticks << NATGW_TICK_SHIFT;
}

static bool wanted(const struct api_sessions_filter *filter,
		   const struct natgw_session_record *record, unsigned int state)
{
	if (!filter->all && (state == NATGW_STATE_NONE || state == NATGW_STATE_DEAD ||
			     idle_ticks(record) >= record->timeout)) {
		return false;
	}
	return (!filter->client || filter->client == record->inbound.addr) &&
	       (!filter->remote || filter->remote == record->key.rem_addr) &&
	       (!filter->eip || filter->eip == record->key.ext_addr) &&
	       (!filter->state || strcmp(filter->state, names_session_state(state)) == 0);
}

static const char *proto_name(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	default:
		return "other";
	}
}

static int name_gateway(struct writer *writer, unsigned int gateway)
{
	if (writer->gateway_text && writer->gateway == gateway) {
		return 0;
	}
	json_t *name = json_string(snapshot_gateway_name(writer->state, gateway));
	char *text = name ? json_dumps(name, JSON_ENCODE_ANY) : NULL;

	json_decref(name);
	if (!text) {
		return -ENOMEM;
	}
	free(writer->gateway_text);
	writer->gateway_text = text;
	writer->gateway = gateway;
	return 0;
}

static int write_session(const struct natgw_session_record *record, void *arg)
{
	struct writer *writer = arg;
	const struct natgw_session *in = &record->inbound;
	const struct natgw_session *out = &record->outbound;
	unsigned int state = (unsigned int)(in->word & NATGW_WORD_STATE_MASK);
	char client[INET_ADDRSTRLEN];
	char eip[INET_ADDRSTRLEN];
	char remote[INET_ADDRSTRLEN];

	if (!wanted(writer->filter, record, state)) {
		return 0;
	}
	int r = name_gateway(writer, (in->word >> NATGW_WORD_GATEWAY_SHIFT) & 0xff);

	if (r < 0) {
		return r;
	}
	inet_ntop(AF_INET, &in->addr, client, sizeof(client));
	inet_ntop(AF_INET, &record->key.ext_addr, eip, sizeof(eip));
	inet_ntop(AF_INET, &record->key.rem_addr, remote, sizeof(remote));
	r = evbuffer_add_printf(
		writer->out,
		"%s{\"protocol\":\"%s\",\"gateway\":%s,\"state\":\"%s\","
		"\"internal_src_address\":\"%s\",\"internal_src_port\":%u,"
		"\"external_src_address\":\"%s\",\"external_src_port\":%u,"
		"\"remote_address\":\"%s\",\"remote_port\":%u,"
		"\"idle_s\":%" PRIu64 ",\"timeout_s\":%" PRIu64 ","
		"\"packets_out\":%" PRIu64 ",\"bytes_out\":%" PRIu64 ","
		"\"packets_in\":%" PRIu64 ",\"bytes_in\":%" PRIu64 "}",
		writer->some ? ",\n" : "\n", proto_name(record->key.proto), writer->gateway_text,
		names_session_state(state), client, ntohs(in->port), eip,
		ntohs(record->key.ext_port), remote, ntohs(record->key.rem_port),
		ns_of_ticks(idle_ticks(record)) / 1000000000,
		(ns_of_ticks(record->timeout) + 500000000) / 1000000000, (uint64_t)out->packets,
		(uint64_t)out->bytes, (uint64_t)in->packets, (uint64_t)in->bytes);
	writer->some = true;
	return r < 0 ? -ENOMEM : 0;
}

int api_sessions_write(const struct natgwd_state *state, const struct api_sessions_filter *filter,
		       struct evbuffer *out)
{
	struct writer writer = { .state = state, .filter = filter, .out = out };

	if (evbuffer_add_printf(out, "{\"sessions\":[") < 0) {
		return -ENOMEM;
	}
	int r = datapath_each_session(state->dp, write_session, &writer);

	free(writer.gateway_text);
	if (r < 0) {
		return r;
	}
	return evbuffer_add_printf(out, "]}\n") < 0 ? -ENOMEM : 0;
}
