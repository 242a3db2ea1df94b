// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads /proc/net and /proc/sys, which need no privilege and no kernel module. Not responsible for
 * what becomes of the ports.
 */
#include "hostports.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "list.h"

#define LINE_MAX_LENGTH 512

static int append(struct hostports *ports, const struct hostports_socket *found)
{
	struct hostports_socket *sockets =
		list_room(ports->sockets, ports->count, sizeof(*sockets));

	if (!sockets) {
		return -ENOMEM;
	}
	ports->sockets = sockets;
	ports->sockets[ports->count++] = *found;
	return 0;
}

struct table {
	const char *path;
	enum natgw_proto proto;
	bool listening; /* those that listen come first, and are enough */
};

static int read_table(const struct table *table, struct hostports *ports)
{
	_cleanup_fclose_ FILE *stream = fopen(table->path, "re");
	struct hostports_socket found = { .proto = (uint8_t)table->proto };
	char line[LINE_MAX_LENGTH];
	int err = 0;

	/* Without IPv6 its files are not there. */
	if (!stream) {
		return errno == ENOENT ? 0 : -errno;
	}
	while (!err && fgets(line, sizeof(line), stream)) {
		unsigned int state;

		if (!hostports_parse(line, &found, &state)) {
			continue;
		}
		if (table->listening && state != TCP_LISTEN) {
			break;
		}
		err = found.port ? append(ports, &found) : 0;
	}
	return err;
}

/* A raw socket's "port" is its protocol. */
static int read_raw(struct hostports *ports)
{
	_cleanup_fclose_ FILE *stream = fopen("/proc/net/raw", "re");
	struct hostports_socket found;
	char line[LINE_MAX_LENGTH];
	unsigned int state;

	if (!stream) {
		return -errno;
	}
	while (fgets(line, sizeof(line), stream)) {
		ports->raw_icmp = ports->raw_icmp ||
				  (hostports_parse(line, &found, &state) &&
				   (found.port == IPPROTO_ICMP || found.port == IPPROTO_RAW));
	}
	return 0;
}

/* "32768\t60999" */
static int read_range(struct hostports *ports)
{
	_cleanup_fclose_ FILE *stream = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	char line[LINE_MAX_LENGTH];
	char *end;

	if (!stream) {
		return -errno;
	}
	if (!fgets(line, sizeof(line), stream)) {
		return -EIO;
	}
	ports->range_first = (uint16_t)strtoul(line, &end, 10);
	ports->range_last = (uint16_t)strtoul(end, NULL, 10);
	return ports->range_first && ports->range_last ? 0 : -EIO;
}

int hostports_read(enum hostports_depth depth, struct hostports *ret_ports)
{
	const bool listening = depth == HOSTPORTS_BOUND;
	const struct table tables[] = {
		{ "/proc/net/tcp", NATGW_PROTO_TCP, listening },
		{ "/proc/net/tcp6", NATGW_PROTO_TCP, listening },
		{ "/proc/net/udp", NATGW_PROTO_UDP, false },
		{ "/proc/net/udp6", NATGW_PROTO_UDP, false },
		{ "/proc/net/icmp", NATGW_PROTO_ICMP, false },
	};
	struct hostports ports = { .sockets = NULL };
	int err = read_range(&ports);

	if (!err) {
		err = read_raw(&ports);
	}
	for (size_t i = 0; !err && i < sizeof(tables) / sizeof(tables[0]); i++) {
		err = read_table(&tables[i], &ports);
	}
	if (err) {
		hostports_free(&ports);
		return err;
	}
	*ret_ports = ports;
	return 0;
}

void hostports_free(struct hostports *ports)
{
	free(ports->sockets);
	*ports = (struct hostports){ .sockets = NULL };
}
