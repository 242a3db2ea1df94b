// SPDX-License-Identifier: GPL-2.0-only
/* The packet that a check runs through the core: a client's first one, with right checksums. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "check.h"

#define TTL 64
#define WINDOW 64240

struct pseudo {
	__be32 saddr;
	__be32 daddr;
	uint8_t zero;
	uint8_t proto;
	__be16 length;
};

static uint32_t add_words(uint32_t sum, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i + 1 < size; i += 2) {
		uint16_t word;

		memcpy(&word, bytes + i, sizeof(word));
		sum += word;
	}
	return sum;
}

static uint16_t finish(uint32_t sum)
{
	while (sum >> 16) {
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)~sum;
}

static uint16_t l4_checksum(const struct check_query *query, const void *l4, size_t size)
{
	const struct pseudo pseudo = { query->client, query->dst, 0, query->proto,
				       htons((uint16_t)size) };

	return finish(add_words(add_words(0, &pseudo, sizeof(pseudo)), l4, size));
}

static size_t put_tcp(const struct check_query *query, uint8_t *l4)
{
	struct tcphdr tcp = {
		.source = query->client_port,
		.dest = query->port,
		.seq = htonl(1),
		.doff = sizeof(tcp) / 4,
		.syn = 1,
		.window = htons(WINDOW),
	};

	tcp.check = l4_checksum(query, &tcp, sizeof(tcp));
	memcpy(l4, &tcp, sizeof(tcp));
	return sizeof(tcp);
}

static size_t put_udp(const struct check_query *query, uint8_t *l4)
{
	struct udphdr udp = {
		.source = query->client_port,
		.dest = query->port,
		.len = htons(sizeof(udp)),
	};

	udp.check = l4_checksum(query, &udp, sizeof(udp));
	udp.check = udp.check ? udp.check : 0xffff;
	memcpy(l4, &udp, sizeof(udp));
	return sizeof(udp);
}

static size_t put_icmp(const struct check_query *query, uint8_t *l4)
{
	struct icmphdr icmp = { .type = ICMP_ECHO };

	icmp.un.echo.id = query->client_port;
	icmp.un.echo.sequence = htons(1);
	icmp.checksum = finish(add_words(0, &icmp, sizeof(icmp)));
	memcpy(l4, &icmp, sizeof(icmp));
	return sizeof(icmp);
}

static size_t put_l4(const struct check_query *query, uint8_t *l4)
{
	switch (query->proto) {
	case IPPROTO_TCP:
		return put_tcp(query, l4);
	case IPPROTO_UDP:
		return put_udp(query, l4);
	case IPPROTO_ICMP:
		return put_icmp(query, l4);
	default:
		return sizeof(struct icmphdr); /* zeros */
	}
}

size_t check_frame(const struct check_query *query, const uint8_t mac[6], uint8_t *ret_frame)
{
	/* Locally administered: nobody's. */
	static const uint8_t from[ETH_ALEN] = { 0x02, 0x6e, 0x61, 0x74, 0x67, 0x77 };
	struct ethhdr eth = { .h_proto = htons(ETH_P_IP) };
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.frag_off = htons(IP_DF),
		.ttl = TTL,
		.protocol = query->proto,
		.saddr = query->client,
		.daddr = query->dst,
	};

	memset(ret_frame, 0, CHECK_FRAME_MAX);
	memcpy(eth.h_dest, mac, ETH_ALEN);
	memcpy(eth.h_source, from, ETH_ALEN);
	ip.tot_len =
		htons((uint16_t)(sizeof(ip) + put_l4(query, ret_frame + sizeof(eth) + sizeof(ip))));
	ip.check = finish(add_words(0, &ip, sizeof(ip)));
	memcpy(ret_frame, &eth, sizeof(eth));
	memcpy(ret_frame + sizeof(eth), &ip, sizeof(ip));
	return ETH_ZLEN;
}
