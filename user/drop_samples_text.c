// SPDX-License-Identifier: GPL-2.0-only
/* From a sample to JSON: names for numbers, text for addresses and times. */
#include "drop_samples_text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <time.h>

#include "names.h"
#include "snapshot.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MICROSECOND 1000

static const char *interface_name(const struct natgwd_state *state, uint32_t ifindex)
{
	for (unsigned int i = 0; ifindex && i < state->iface_count; i++) {
		if (state->ifaces[i].ifindex == ifindex) {
			return state->ifaces[i].name;
		}
	}
	return "";
}

static json_t *time_text(int64_t ns)
{
	const time_t seconds = (time_t)(ns / NS_PER_SECOND);
	struct tm parts = { 0 };
	char whole[32];
	char text[48];

	gmtime_r(&seconds, &parts);
	if (!strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &parts)) {
		whole[0] = '\0';
	}
	(void)snprintf(text, sizeof(text), "%s.%06" PRId64 "Z", whole,
		       ns % NS_PER_SECOND / NS_PER_MICROSECOND);
	return json_string(text);
}

static json_t *address(__be32 addr)
{
	char text[INET_ADDRSTRLEN];

	return json_string(inet_ntop(AF_INET, &addr, text, sizeof(text)));
}

static json_t *protocol(uint8_t proto)
{
	char number[4];

	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_ICMP) {
		return json_string(names_ip_proto(proto));
	}
	(void)snprintf(number, sizeof(number), "%u", proto);
	return json_string(number);
}

static json_t *hex(const uint8_t *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * NATGW_SAMPLE_BYTES];

	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 0xf];
	}
	return json_stringn(text, 2 * size);
}

/* json_object_set_new takes NULL for a failure: out of memory. */
static int set_packet(json_t *json, const struct drop_samples_frame *frame)
{
	int r = 0;

	if (!frame->is_ipv4) {
		return json_object_set_new(json, "ether_type", json_integer(frame->ether_type));
	}
	r |= json_object_set_new(json, "protocol", protocol(frame->proto));
	r |= json_object_set_new(json, "src", address(frame->saddr));
	r |= json_object_set_new(json, "dst", address(frame->daddr));
	if (frame->has_ports) {
		r |= json_object_set_new(json, "src_port", json_integer(frame->sport));
		r |= json_object_set_new(json, "dst_port", json_integer(frame->dport));
	}
	if (frame->has_icmp) {
		r |= json_object_set_new(json, "icmp_type", json_integer(frame->icmp_type));
		r |= json_object_set_new(json, "icmp_code", json_integer(frame->icmp_code));
	}
	return r;
}

json_t *drop_samples_text(const struct natgwd_state *state, const struct natgw_sample *sample,
			  const struct drop_samples_frame *frame, int64_t boot_ns)
{
	const int64_t ns = (int64_t)sample->time + boot_ns;
	const size_t captured =
		sample->captured < NATGW_SAMPLE_BYTES ? sample->captured : NATGW_SAMPLE_BYTES;
	json_t *json =
		json_pack("{s:o, s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "time", time_text(ns),
			  "time_ns", (json_int_t)ns, "reason", names_verdict(sample->verdict),
			  "text", names_verdict_text(sample->verdict), "gateway",
			  snapshot_gateway_name(state, sample->gateway), "hook",
			  names_hook(sample->hook), "direction", names_direction(sample->direction),
			  "interface", interface_name(state, sample->ifindex));
	int r = json ? set_packet(json, frame) : -1;

	if (r == 0) {
		r |= json_object_set_new(json, "length", json_integer(sample->length));
		r |= json_object_set_new(json, "captured", json_integer((json_int_t)captured));
		r |= json_object_set_new(json, "data", hex(sample->data, captured));
	}
	if (r != 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}
