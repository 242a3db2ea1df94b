// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sends gratuitous ARP requests (RFC 5227 announcements: sender and target are the EIP). Answers
 * none: the tc programs do.
 */
#include "announce.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "log.h"

struct announce {
	int fd;
};

struct frame {
	uint8_t destination[ETH_ALEN];
	uint8_t source[ETH_ALEN];
	__be16 type;
	__be16 hardware;
	__be16 protocol;
	uint8_t hardware_len;
	uint8_t protocol_len;
	__be16 operation;
	uint8_t sender_mac[ETH_ALEN];
	__be32 sender;
	uint8_t target_mac[ETH_ALEN];
	__be32 target;
} __attribute__((packed));
_Static_assert(sizeof(struct frame) == 42, "ARP over Ethernet");

int announce_open(struct announce **ret_announce)
{
	struct announce *announce = calloc(1, sizeof(*announce));

	if (!announce) {
		return -ENOMEM;
	}
	/* Protocol 0: only for sending. */
	announce->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (announce->fd < 0) {
		int err = -errno;

		free(announce);
		return err;
	}
	*ret_announce = announce;
	return 0;
}

void announce_free(struct announce *announce)
{
	if (announce) {
		close(announce->fd);
		free(announce);
	}
}

static int send_one(const struct announce *announce, const struct iface_state *iface, __be32 eip)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)iface->ifindex,
				  .sll_halen = ETH_ALEN,
				  .sll_protocol = htons(ETH_P_ARP) };
	struct frame frame = { .type = htons(ETH_P_ARP),
			       .hardware = htons(ARPHRD_ETHER),
			       .protocol = htons(ETH_P_IP),
			       .hardware_len = ETH_ALEN,
			       .protocol_len = sizeof(eip),
			       .operation = htons(ARPOP_REQUEST),
			       .sender = eip,
			       .target = eip };

	memset(frame.destination, 0xff, sizeof(frame.destination));
	memset(to.sll_addr, 0xff, ETH_ALEN);
	memcpy(frame.source, iface->mac, sizeof(frame.source));
	memcpy(frame.sender_mac, iface->mac, sizeof(frame.sender_mac));
	if (sendto(announce->fd, &frame, sizeof(frame), 0, (const struct sockaddr *)&to,
		   sizeof(to)) < 0) {
		return -errno;
	}
	return 0;
}

static bool on_link(const struct iface_state *iface, __be32 addr)
{
	for (unsigned int i = 0; i < iface->addr_count; i++) {
		uint8_t len = iface->addr_lens[i];
		__be32 mask = len ? htonl(~0U << (32 - len)) : 0;

		if (((addr ^ iface->addrs[i]) & mask) == 0) {
			return true;
		}
	}
	return false;
}

static bool belongs_elsewhere(const struct natgwd_state *state, const struct iface_state *iface,
			      __be32 eip)
{
	if (on_link(iface, eip)) {
		return false;
	}
	for (unsigned int i = 0; i < state->iface_count; i++) {
		if ((state->ifaces[i].flags & NATGW_IFACE_EXTERNAL) &&
		    on_link(&state->ifaces[i], eip)) {
			return true;
		}
	}
	return false;
}

static bool kernel_has(const struct natgwd_state *state, __be32 eip)
{
	struct natgw_address row;

	return datapath_get_address(state->dp, eip, &row) == 0 && row.on_host;
}

static int announce_list(const struct announce *announce, const struct natgwd_state *state,
			 const struct iface_state *iface, const __be32 *eips, size_t count)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		if (!belongs_elsewhere(state, iface, eips[i]) && !kernel_has(state, eips[i])) {
			err = send_one(announce, iface, eips[i]);
		}
	}
	return err;
}

static int announce_gateway(const struct announce *announce, const struct natgwd_state *state,
			    const struct iface_state *iface, const struct config_gateway *gateway)
{
	const struct config *config = state->config;
	int err;

	/* In two stages the public addresses are on the wire. */
	if (gateway->two_stage) {
		return 0;
	}
	err = announce_list(announce, state, iface, gateway->eips, gateway->eip_count);
	for (size_t i = 0; !err && i < config->rule_count; i++) {
		const struct config_rule *rule = &config->rules[i];

		if (config_rule_is_for(rule, gateway)) {
			err = announce_list(announce, state, iface, rule->eips, rule->eip_count);
		}
	}
	return err;
}

/* Public addresses, of hosts and of EIPs in two stages. */
static int announce_one_to_one(const struct announce *announce, const struct natgwd_state *state,
			       const struct iface_state *iface)
{
	const struct config *config = state->config;
	int err = 0;

	for (size_t i = 0; !err && i < config->one_to_one_count; i++) {
		err = announce_list(announce, state, iface, &config->one_to_one[i].public_addr, 1);
	}
	return err;
}

void announce_iface(const struct announce *announce, const struct natgwd_state *state,
		    const struct iface_state *iface)
{
	int err = 0;

	if (!(iface->flags & NATGW_IFACE_EXTERNAL) || !iface->ifindex || !iface->up) {
		return;
	}
	for (size_t i = 0; !err && i < state->config->gateway_count; i++) {
		err = announce_gateway(announce, state, iface, &state->config->gateways[i]);
	}
	if (!err) {
		err = announce_one_to_one(announce, state, iface);
	}
	if (err) {
		log_warning("cannot announce EIPs on %s: %s", iface->name, strerror(-err));
	}
}

void announce_all(const struct announce *announce, const struct natgwd_state *state)
{
	for (unsigned int i = 0; i < state->iface_count; i++) {
		announce_iface(announce, state, &state->ifaces[i]);
	}
}
