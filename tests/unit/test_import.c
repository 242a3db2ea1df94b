// SPDX-License-Identifier: GPL-2.0-only
/* Sessions to be taken over: from the kernel's message, and from JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>

#include "ctl_kernel_nat.h"
#include "import_parse.h"

/* ---- the kernel's message ---- */

struct entry {
	uint8_t proto;
	uint32_t status;
	uint8_t tcp_state;
	uint8_t icmp_type;
};

static void put_tuple(struct nlmsghdr *message, uint16_t type, const char *from, const char *to,
		      const struct entry *entry)
{
	const bool reply = type == CTA_TUPLE_REPLY;
	struct nlattr *tuple = mnl_attr_nest_start(message, type);
	struct nlattr *ip = mnl_attr_nest_start(message, CTA_TUPLE_IP);

	mnl_attr_put_u32(message, CTA_IP_V4_SRC, inet_addr(from));
	mnl_attr_put_u32(message, CTA_IP_V4_DST, inet_addr(to));
	mnl_attr_nest_end(message, ip);
	struct nlattr *proto = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);

	mnl_attr_put_u8(message, CTA_PROTO_NUM, entry->proto);
	if (entry->proto == IPPROTO_ICMP) {
		mnl_attr_put_u16(message, CTA_PROTO_ICMP_ID, htons(reply ? 78 : 77));
		mnl_attr_put_u8(message, CTA_PROTO_ICMP_TYPE, entry->icmp_type);
		mnl_attr_put_u8(message, CTA_PROTO_ICMP_CODE, 0);
	} else {
		mnl_attr_put_u16(message, CTA_PROTO_SRC_PORT, htons(reply ? 443 : 5000));
		mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, htons(reply ? 6000 : 443));
	}
	mnl_attr_nest_end(message, proto);
	mnl_attr_nest_end(message, tuple);
}

static struct nlmsghdr *make_message(char *buffer, const struct entry *entry)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	mnl_nlmsg_put_extra_header(message, sizeof(struct nfgenmsg));
	put_tuple(message, CTA_TUPLE_ORIG, "10.0.1.10", "203.0.113.10", entry);
	put_tuple(message, CTA_TUPLE_REPLY, "203.0.113.10", "198.51.100.2", entry);
	mnl_attr_put_u32(message, CTA_STATUS, htonl(entry->status));
	if (entry->proto == IPPROTO_TCP) {
		struct nlattr *info = mnl_attr_nest_start(message, CTA_PROTOINFO);
		struct nlattr *tcp = mnl_attr_nest_start(message, CTA_PROTOINFO_TCP);

		mnl_attr_put_u8(message, CTA_PROTOINFO_TCP_STATE, entry->tcp_state);
		mnl_attr_nest_end(message, tcp);
		mnl_attr_nest_end(message, info);
	}
	return message;
}

static void test_entries(void **state)
{
	static const struct {
		struct entry entry;
		enum ctl_kernel_nat_kind kind;
		uint8_t established;
	} cases[] = {
		{ { IPPROTO_TCP, IPS_SRC_NAT, TCP_CONNTRACK_ESTABLISHED, 0 },
		  CTL_KERNEL_NAT_SESSION,
		  1 },
		{ { IPPROTO_TCP, IPS_SRC_NAT, TCP_CONNTRACK_CLOSE_WAIT, 0 },
		  CTL_KERNEL_NAT_SESSION,
		  1 },
		{ { IPPROTO_TCP, IPS_SRC_NAT, TCP_CONNTRACK_SYN_SENT, 0 },
		  CTL_KERNEL_NAT_SESSION,
		  0 },
		{ { IPPROTO_TCP, IPS_SRC_NAT, TCP_CONNTRACK_TIME_WAIT, 0 },
		  CTL_KERNEL_NAT_OVER,
		  0 },
		{ { IPPROTO_TCP, IPS_SRC_NAT, TCP_CONNTRACK_CLOSE, 0 }, CTL_KERNEL_NAT_OVER, 0 },
		{ { IPPROTO_TCP, 0, TCP_CONNTRACK_ESTABLISHED, 0 }, CTL_KERNEL_NAT_NOT_NAT, 0 },
		{ { IPPROTO_TCP, IPS_SRC_NAT | IPS_DST_NAT, TCP_CONNTRACK_ESTABLISHED, 0 },
		  CTL_KERNEL_NAT_DNAT,
		  0 },
		{ { IPPROTO_UDP, IPS_SRC_NAT | IPS_SEEN_REPLY, 0, 0 }, CTL_KERNEL_NAT_SESSION, 1 },
		{ { IPPROTO_UDP, IPS_SRC_NAT, 0, 0 }, CTL_KERNEL_NAT_SESSION, 0 },
		{ { IPPROTO_ICMP, IPS_SRC_NAT, 0, 8 }, CTL_KERNEL_NAT_SESSION, 0 },
		{ { IPPROTO_ICMP, IPS_SRC_NAT, 0, 13 }, CTL_KERNEL_NAT_PROTO, 0 },
		{ { IPPROTO_GRE, IPS_SRC_NAT, 0, 0 }, CTL_KERNEL_NAT_PROTO, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char buffer[1024] = "";
		enum ctl_kernel_nat_kind kind;
		struct natgw_import session = {};
		const bool icmp = cases[i].entry.proto == IPPROTO_ICMP;

		assert_int_equal(ctl_kernel_nat_parse(make_message(buffer, &cases[i].entry), &kind,
						      &session),
				 0);
		assert_int_equal(kind, cases[i].kind);
		if (kind != CTL_KERNEL_NAT_SESSION) {
			continue;
		}
		assert_int_equal(session.established, cases[i].established);
		assert_int_equal(session.client, inet_addr("10.0.1.10"));
		assert_int_equal(session.rem_addr, inet_addr("203.0.113.10"));
		assert_int_equal(session.ext_addr, inet_addr("198.51.100.2"));
		assert_int_equal(ntohs(session.client_port), icmp ? 77 : 5000);
		assert_int_equal(ntohs(session.ext_port), icmp ? 78 : 6000);
		assert_int_equal(ntohs(session.rem_port), icmp ? 0 : 443);
	}
}

static void test_a_message_without_its_parts(void **state)
{
	char buffer[256] = "";
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	enum ctl_kernel_nat_kind kind;
	struct natgw_import session = {};

	(void)state;
	mnl_nlmsg_put_extra_header(message, sizeof(struct nfgenmsg));
	assert_int_equal(ctl_kernel_nat_parse(message, &kind, &session), -EPROTO);
	mnl_attr_put_u32(message, CTA_STATUS, htonl(IPS_SRC_NAT));
	assert_int_equal(ctl_kernel_nat_parse(message, &kind, &session), -EPROTO);
}

/* ---- JSON ---- */

static int parse(const char *text, struct natgw_import *session)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	char why[IMPORT_PARSE_WHY_MAX] = "";

	assert_non_null(json);
	int r = import_parse(json, session, why);

	assert_int_equal(r < 0, why[0] != '\0');
	json_decref(json);
	return r;
}

#define ROW(protocol, port, more)                                                        \
	"{\"protocol\":\"" protocol "\",\"client\":\"10.0.1.10\",\"client_port\":5000,"  \
	"\"remote\":\"203.0.113.10\",\"remote_port\":" port ",\"eip\":\"198.51.100.2\"," \
	"\"eip_port\":6000,\"established\":true" more "}"

static void test_rows(void **state)
{
	static const char *const wrong[] = {
		ROW("tcp", "0", ""),
		ROW("tcp", "65536", ""),
		ROW("tcp", "-1", ""),
		ROW("icmp", "7", ""),
		ROW("esp", "443", ""),
		ROW("tcp", "\"443\"", ""),
		ROW("tcp", "443", ",\"a\":1"),
		"{}",
		"[]",
		"1",
	};
	struct natgw_import session = {};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(parse(wrong[i], &session), -EINVAL);
	assert_int_equal(session.client, 0);
	assert_int_equal(parse(ROW("tcp", "443", ""), &session), 0);
	assert_int_equal(session.proto, IPPROTO_TCP);
	assert_int_equal(session.established, 1);
	assert_int_equal(ntohs(session.rem_port), 443);
	assert_int_equal(ntohs(session.ext_port), 6000);
	assert_int_equal(parse(ROW("icmp", "0", ""), &session), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_a_message_without_its_parts),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
