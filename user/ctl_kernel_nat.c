// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's connection tracking, by ctnetlink. Knows nothing of natgwd. */
#include "ctl_kernel_nat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define ATTRIBUTES_MAX 32
#define BUFFER_SIZE 262144
#define ICMP_ECHO_REQUEST 8

/* One direction. */
struct tuple {
	__be32 saddr;
	__be32 daddr;
	__be16 sport; /* ICMP: the identifier, in both */
	__be16 dport;
	uint8_t proto;
	uint8_t icmp_type;
};

/* ---- attributes ---- */

struct attributes {
	const struct nlattr *list[ATTRIBUTES_MAX];
};

static int keep_attribute(const struct nlattr *attribute, void *arg)
{
	struct attributes *attributes = arg;
	uint16_t type = mnl_attr_get_type(attribute);

	if (type < ATTRIBUTES_MAX) {
		attributes->list[type] = attribute;
	}
	return MNL_CB_OK;
}

/* Those inside of one; none when it is not there. */
static struct attributes open_nested(const struct nlattr *nest)
{
	struct attributes attributes = {};

	if (nest) {
		(void)mnl_attr_parse_nested(nest, keep_attribute, &attributes);
	}
	return attributes;
}

/* Copies the value; -EPROTO when it is missing or has another size. */
static int take(const struct attributes *attributes, unsigned int type, void *value, size_t size)
{
	const struct nlattr *attribute = attributes->list[type];

	if (!attribute || mnl_attr_get_payload_len(attribute) != size) {
		return -EPROTO;
	}
	memcpy(value, mnl_attr_get_payload(attribute), size);
	return 0;
}

/* ---- one entry ---- */

static int parse_tuple(const struct nlattr *nest, struct tuple *ret_tuple)
{
	const struct attributes parts = open_nested(nest);
	const struct attributes ip = open_nested(parts.list[CTA_TUPLE_IP]);
	const struct attributes proto = open_nested(parts.list[CTA_TUPLE_PROTO]);
	struct tuple tuple = {};
	int r = take(&ip, CTA_IP_V4_SRC, &tuple.saddr, sizeof(tuple.saddr));

	r = r ? r : take(&ip, CTA_IP_V4_DST, &tuple.daddr, sizeof(tuple.daddr));
	r = r ? r : take(&proto, CTA_PROTO_NUM, &tuple.proto, sizeof(tuple.proto));
	if (r == 0 && tuple.proto == IPPROTO_ICMP) {
		r = take(&proto, CTA_PROTO_ICMP_ID, &tuple.sport, sizeof(tuple.sport));
		r = r ? r
		      : take(&proto, CTA_PROTO_ICMP_TYPE, &tuple.icmp_type,
			     sizeof(tuple.icmp_type));
		tuple.dport = tuple.sport;
	} else if (r == 0 && (tuple.proto == IPPROTO_TCP || tuple.proto == IPPROTO_UDP)) {
		r = take(&proto, CTA_PROTO_SRC_PORT, &tuple.sport, sizeof(tuple.sport));
		r = r ? r : take(&proto, CTA_PROTO_DST_PORT, &tuple.dport, sizeof(tuple.dport));
	}
	if (r == 0) {
		*ret_tuple = tuple;
	}
	return r;
}

static bool is_supported(const struct tuple *tuple)
{
	return tuple->proto == IPPROTO_TCP || tuple->proto == IPPROTO_UDP ||
	       (tuple->proto == IPPROTO_ICMP && tuple->icmp_type == ICMP_ECHO_REQUEST);
}

static uint8_t tcp_state(const struct attributes *entry)
{
	const struct attributes info = open_nested(entry->list[CTA_PROTOINFO]);
	const struct attributes tcp = open_nested(info.list[CTA_PROTOINFO_TCP]);
	uint8_t state = TCP_CONNTRACK_NONE;

	(void)take(&tcp, CTA_PROTOINFO_TCP_STATE, &state, sizeof(state));
	return state;
}

static enum ctl_kernel_nat_kind judge(const struct attributes *entry, uint32_t status,
				      const struct tuple *sent)
{
	if (!(status & IPS_SRC_NAT)) {
		return CTL_KERNEL_NAT_NOT_NAT;
	}
	if (status & IPS_DST_NAT) {
		return CTL_KERNEL_NAT_DNAT;
	}
	if (!is_supported(sent)) {
		return CTL_KERNEL_NAT_PROTO;
	}
	if (sent->proto == IPPROTO_TCP) {
		uint8_t state = tcp_state(entry);

		if (state == TCP_CONNTRACK_NONE || state == TCP_CONNTRACK_TIME_WAIT ||
		    state == TCP_CONNTRACK_CLOSE) {
			return CTL_KERNEL_NAT_OVER;
		}
	}
	return CTL_KERNEL_NAT_SESSION;
}

static uint8_t is_established(const struct attributes *entry, uint32_t status, uint8_t proto)
{
	if (proto != IPPROTO_TCP) {
		return (status & IPS_SEEN_REPLY) != 0;
	}
	return tcp_state(entry) >= TCP_CONNTRACK_ESTABLISHED &&
	       tcp_state(entry) <= TCP_CONNTRACK_LAST_ACK;
}

int ctl_kernel_nat_parse(const struct nlmsghdr *message, enum ctl_kernel_nat_kind *ret_kind,
			 struct natgw_import *ret_session)
{
	struct attributes entry = {};
	struct tuple sent;
	struct tuple answered;
	__be32 status;

	(void)mnl_attr_parse(message, sizeof(struct nfgenmsg), keep_attribute, &entry);
	if (take(&entry, CTA_STATUS, &status, sizeof(status)) < 0 ||
	    parse_tuple(entry.list[CTA_TUPLE_ORIG], &sent) < 0 ||
	    parse_tuple(entry.list[CTA_TUPLE_REPLY], &answered) < 0) {
		return -EPROTO;
	}
	enum ctl_kernel_nat_kind kind = judge(&entry, ntohl(status), &sent);

	*ret_kind = kind;
	if (kind != CTL_KERNEL_NAT_SESSION) {
		return 0;
	}
	*ret_session = (struct natgw_import){
		.client = sent.saddr,
		.rem_addr = sent.daddr,
		.ext_addr = answered.daddr,
		.client_port = sent.sport,
		.rem_port = sent.proto == IPPROTO_ICMP ? 0 : sent.dport,
		.ext_port = answered.dport,
		.proto = sent.proto,
		.established = is_established(&entry, ntohl(status), sent.proto),
	};
	return 0;
}

/* ---- all of them ---- */

struct dump {
	int (*fn)(enum ctl_kernel_nat_kind kind, const struct natgw_import *session, void *arg);
	void *arg;
	int result;
};

static int on_message(const struct nlmsghdr *message, void *arg)
{
	struct dump *dump = arg;
	enum ctl_kernel_nat_kind kind;
	struct natgw_import session = {};

	/* An entry that is no IPv4 has other attributes. */
	if (ctl_kernel_nat_parse(message, &kind, &session) == 0) {
		dump->result = dump->fn(kind, &session, dump->arg);
	}
	return dump->result == 0 ? MNL_CB_OK : MNL_CB_STOP;
}

static int receive(struct mnl_socket *socket, char *buffer, struct dump *dump)
{
	int status = MNL_CB_OK;

	while (status > MNL_CB_STOP) {
		ssize_t size = mnl_socket_recvfrom(socket, buffer, BUFFER_SIZE);

		if (size < 0) {
			return -errno;
		}
		status = mnl_cb_run(buffer, (size_t)size, 1, mnl_socket_get_portid(socket),
				    on_message, dump);
	}
	return status < 0 ? -errno : dump->result;
}

int ctl_kernel_nat_dump(int (*fn)(enum ctl_kernel_nat_kind kind, const struct natgw_import *session,
				  void *arg),
			void *arg)
{
	static char buffer[BUFFER_SIZE];
	struct dump dump = { .fn = fn, .arg = arg };
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);

	if (!socket) {
		return -errno;
	}
	header->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = 1;
	struct nfgenmsg *family = mnl_nlmsg_put_extra_header(header, sizeof(*family));

	family->nfgen_family = AF_INET;
	family->version = NFNETLINK_V0;
	int r = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
				mnl_socket_sendto(socket, header, header->nlmsg_len) < 0
			? -errno
			: receive(socket, buffer, &dump);

	mnl_socket_close(socket);
	return r;
}
