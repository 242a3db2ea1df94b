// SPDX-License-Identifier: GPL-2.0-only
/* One session to be taken over, from JSON. */
#include "import_parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "names.h"
#include "parse_util.h"

static int parse_protocol(const char *name, uint8_t *ret_proto)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };

	for (size_t i = 0; i < sizeof(protos); i++) {
		if (strcmp(name, names_ip_proto(protos[i])) == 0) {
			*ret_proto = protos[i];
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_port(json_int_t number, bool may_be_zero, __be16 *ret_port)
{
	if (number < !may_be_zero || number > UINT16_MAX) {
		return -EINVAL;
	}
	*ret_port = htons((uint16_t)number);
	return 0;
}

static int say(char *why, const char *text)
{
	(void)snprintf(why, IMPORT_PARSE_WHY_MAX, "%s", text);
	return -EINVAL;
}

int import_parse(const json_t *json, struct natgw_import *ret_session, char *why)
{
	struct natgw_import session = {};
	const char *protocol;
	const char *client;
	const char *remote;
	const char *eip;
	json_int_t client_port;
	json_int_t remote_port;
	json_int_t eip_port;
	int established;
	json_error_t error;

	/* jansson changes nothing of what it unpacks. */
	union {
		const json_t *given;
		json_t *taken;
	} object = { .given = json };

	if (json_unpack_ex(object.taken, &error, JSON_STRICT,
			   "{s:s, s:s, s:I, s:s, s:I, s:s, s:I, s:b}", "protocol", &protocol,
			   "client", &client, "client_port", &client_port, "remote", &remote,
			   "remote_port", &remote_port, "eip", &eip, "eip_port", &eip_port,
			   "established", &established) < 0) {
		return say(why, error.text);
	}
	if (parse_protocol(protocol, &session.proto) < 0) {
		return say(why, "protocol is one of tcp, udp, icmp");
	}
	if (parse_util_address(client, &session.client) < 0 ||
	    parse_util_address(remote, &session.rem_addr) < 0 ||
	    parse_util_address(eip, &session.ext_addr) < 0) {
		return say(why, "client, remote and eip are IPv4 addresses like 192.0.2.1");
	}
	const bool icmp = session.proto == IPPROTO_ICMP;

	if (parse_port(client_port, icmp, &session.client_port) < 0 ||
	    parse_port(eip_port, icmp, &session.ext_port) < 0 ||
	    parse_port(remote_port, icmp, &session.rem_port) < 0 || (icmp && session.rem_port)) {
		return say(why, "ports are numbers from 1 to 65535; remote_port of icmp is 0");
	}
	session.established = established != 0;
	*ret_session = session;
	return 0;
}
