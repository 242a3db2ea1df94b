// SPDX-License-Identifier: GPL-2.0-only
/* Sessions as JSON text. Not responsible for what their records mean (record.c). */
#include "api_sessions.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "names.h"
#include "record.h"
#include "snapshot.h"

struct writer {
	const struct natgwd_state *state;
	const struct api_sessions_filter *filter;
	struct evbuffer *out;
	bool some;
	unsigned int gateway; /* of gateway_text: sessions of one gateway come in crowds */
	char *gateway_text;   /* its name as JSON, quoted */
};

static bool wanted(const struct api_sessions_filter *filter,
		   const struct natgw_session_record *record)
{
	if (!filter->all && record_life(record) == RECORD_OVER) {
		return false;
	}
	return (!filter->client || filter->client == record->inbound.addr) &&
	       (!filter->remote || filter->remote == record->key.rem_addr) &&
	       (!filter->eip || filter->eip == record->key.ext_addr) &&
	       (!filter->state ||
		strcmp(filter->state, names_session_state(record_state(record))) == 0);
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
	const bool held = record_life(record) == RECORD_HELD;
	char client[INET_ADDRSTRLEN];
	char eip[INET_ADDRSTRLEN];
	char remote[INET_ADDRSTRLEN];

	if (!wanted(writer->filter, record)) {
		return 0;
	}
	int r = name_gateway(writer, record_gateway(record));

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
		"\"orig_port\":%u,"
		"\"idle_s\":%" PRIu64 ",\"timeout_s\":%" PRIu64 ",\"left_s\":%" PRIu64
		",\"hold\":%s%s%s,"
		"\"packets_out\":%" PRIu64 ",\"bytes_out\":%" PRIu64 ","
		"\"packets_in\":%" PRIu64 ",\"bytes_in\":%" PRIu64 "}",
		writer->some ? ",\n" : "\n", names_ip_proto(record->key.proto),
		writer->gateway_text, names_session_state(record_state(record)), client,
		ntohs(in->port), eip, ntohs(record->key.ext_port), remote,
		ntohs(record->key.rem_port), ntohs(record_orig_port(record)),
		record_seconds(record_idle(record)), record_timer_seconds(record->timeout),
		record_seconds(record_left(record)), held ? "\"" : "",
		held ? names_hold(record->hold) : "null", held ? "\"" : "", (uint64_t)out->packets,
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
