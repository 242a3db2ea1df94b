// SPDX-License-Identifier: GPL-2.0-only
/* Tables of names. Not responsible for what config files call things: that is config.c's. */
#include "names.h"

#include <netinet/in.h>
#include <stddef.h>

#define LOOK_UP(table, index) look_up(table, sizeof(table) / sizeof((table)[0]), index)

static const char *look_up(const char *const *table, size_t count, unsigned int index)
{
	return index < count && table[index] ? table[index] : "unknown";
}

const char *names_hook(unsigned int hook)
{
	static const char *const names[] = {
		[NATGW_HOOK_XDP] = "xdp",
		[NATGW_HOOK_TC_INGRESS] = "tc_ingress",
		[NATGW_HOOK_TC_EGRESS] = "tc_egress",
	};

	return LOOK_UP(names, hook);
}

const char *names_direction(unsigned int direction)
{
	static const char *const names[] = {
		[NATGW_OUTBOUND] = "outbound",
		[NATGW_INBOUND] = "inbound",
		[NATGW_OTHER] = "other",
	};

	return LOOK_UP(names, direction);
}

const char *names_verdict(unsigned int verdict)
{
	static const char *const names[] = {
#define X(symbol, class, label, text) label,
		NATGW_VERDICTS(X)
#undef X
	};

	return LOOK_UP(names, verdict);
}

enum natgw_verdict_class names_verdict_class(unsigned int verdict)
{
	static const enum natgw_verdict_class classes[] = {
#define X(symbol, class, label, text) NATGW_CLASS_##class,
		NATGW_VERDICTS(X)
#undef X
	};

	return verdict < NATGW_VERDICT_COUNT ? classes[verdict] : NATGW_CLASS_DROP;
}

const char *names_verdict_text(unsigned int verdict)
{
	static const char *const texts[] = {
#define X(symbol, class, label, text) text,
		NATGW_VERDICTS(X)
#undef X
	};

	return LOOK_UP(texts, verdict);
}

const char *names_class(unsigned int verdict_class)
{
	static const char *const names[] = {
		[NATGW_CLASS_OUT] = "out",
		[NATGW_CLASS_PASSED] = "passed",
		[NATGW_CLASS_DEFERRED] = "deferred",
		[NATGW_CLASS_DROP] = "drop",
	};

	return LOOK_UP(names, verdict_class);
}

const char *names_proto(unsigned int proto)
{
	static const char *const names[] = {
		[NATGW_PROTO_TCP] = "tcp",
		[NATGW_PROTO_UDP] = "udp",
		[NATGW_PROTO_ICMP] = "icmp",
	};

	return LOOK_UP(names, proto);
}

const char *names_ip_proto(unsigned int proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return names_proto(NATGW_PROTO_TCP);
	case IPPROTO_UDP:
		return names_proto(NATGW_PROTO_UDP);
	case IPPROTO_ICMP:
		return names_proto(NATGW_PROTO_ICMP);
	default:
		return "other";
	}
}

const char *names_session_state(unsigned int state)
{
	static const char *const names[] = {
		[NATGW_STATE_NONE] = "none",	   [NATGW_STATE_NEW] = "new",
		[NATGW_STATE_OPENING] = "opening", [NATGW_STATE_ESTABLISHED] = "established",
		[NATGW_STATE_HOLD] = "hold",	   [NATGW_STATE_DEAD] = "dead",
		[NATGW_STATE_MAPPING] = "mapping", [NATGW_STATE_CLAIMED] = "claimed",
	};

	return LOOK_UP(names, state);
}

const char *names_gateway_state(unsigned int state)
{
	static const char *const names[] = {
		[NATGW_GATEWAY_NONE] = "none",		 [NATGW_GATEWAY_PENDING] = "pending",
		[NATGW_GATEWAY_AVAILABLE] = "available", [NATGW_GATEWAY_FAILED] = "failed",
		[NATGW_GATEWAY_DELETING] = "deleting",	 [NATGW_GATEWAY_DELETED] = "deleted",
	};

	return LOOK_UP(names, state);
}

const char *names_alloc_error(unsigned int error)
{
	/* All but no_eip are the drop reasons of the same packet. */
	static const char *const names[] = {
		[NATGW_ALLOC_PORT_EXHAUSTED] = "port_exhausted",
		[NATGW_ALLOC_TABLE_FULL] = "session_table_full",
		[NATGW_ALLOC_NO_EIP] = "no_eip",
		[NATGW_ALLOC_CLIENT_QUOTA] = "client_quota",
		[NATGW_ALLOC_HALF_OPEN_QUOTA] = "half_open_quota",
		[NATGW_ALLOC_PORT_QUOTA] = "port_quota",
		[NATGW_ALLOC_GATEWAY_QUOTA] = "gateway_quota",
		[NATGW_ALLOC_EIM_CONFLICT] = "eim_conflict",
	};

	return LOOK_UP(names, error);
}

const char *names_close_cause(unsigned int cause)
{
	static const char *const names[] = {
		[NATGW_CLOSE_IDLE] = "idle",
		[NATGW_CLOSE_HALF_OPEN] = "halfopen",
		[NATGW_CLOSE_KILLED] = "killed",
		[NATGW_CLOSE_FIN] = "fin",
		[NATGW_CLOSE_RST] = "rst",
		[NATGW_CLOSE_DRAIN] = "drain",
		[NATGW_CLOSE_GATEWAY_DELETED] = "gateway_deleted",
	};

	return LOOK_UP(names, cause);
}

const char *names_hold(unsigned int hold)
{
	static const char *const names[] = {
		[NATGW_HOLD_FIN] = "fin",
		[NATGW_HOLD_RST] = "rst",
		[NATGW_HOLD_HALF_OPEN] = "halfopen",
		[NATGW_HOLD_UDP] = "udp",
		[NATGW_HOLD_IDLE] = "idle",
	};

	return LOOK_UP(names, hold);
}

const char *names_origin(unsigned int origin)
{
	static const char *const names[] = {
		[NATGW_ORIGIN_LOCAL] = "local",
		[NATGW_ORIGIN_STATIC] = "static",
		[NATGW_ORIGIN_PROPAGATED] = "propagated",
	};

	return LOOK_UP(names, origin);
}

const char *names_generated(unsigned int kind)
{
	static const char *const names[] = {
		[NATGW_GENERATED_ARP_REPLY] = "arp_reply",
		[NATGW_GENERATED_TIME_EXCEEDED] = "icmp_time_exceeded",
		[NATGW_GENERATED_FRAG_NEEDED] = "icmp_frag_needed",
		[NATGW_GENERATED_RST] = "rst",
		[NATGW_GENERATED_LIMITED] = "limited",
		[NATGW_GENERATED_UNREACHABLE] = "icmp_host_unreachable",
		[NATGW_GENERATED_RST_LIMITED] = "rst_limited",
		[NATGW_GENERATED_EVENT] = "event",
		[NATGW_GENERATED_EVENT_LOST] = "event_lost",
		[NATGW_GENERATED_HAIRPIN] = "hairpin",
		[NATGW_GENERATED_LOG] = "log",
		[NATGW_GENERATED_LOG_LOST] = "log_lost",
		[NATGW_GENERATED_SAMPLE] = "sample",
		[NATGW_GENERATED_SAMPLE_LOST] = "sample_lost",
	};

	return LOOK_UP(names, kind);
}

const char *names_rule_kind(unsigned int kind)
{
	static const char *const names[] = {
		[NATGW_RULE_SESSION] = "session",
		[NATGW_RULE_DNAT] = "dnat",
		[NATGW_RULE_SNAT] = "snat",
		[NATGW_RULE_NO_NAT] = "no_nat",
	};

	return LOOK_UP(names, kind);
}
