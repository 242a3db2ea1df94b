// SPDX-License-Identifier: GPL-2.0-only
/* The laws, one function each. What a function returns is the law's name. */
#include "laws.h"

#include <string.h>

#include "headers.h"
#include "laws_change.h"
#include "natgw_verdict.h"

#define XDP_ACTION_DROP 1
#define XDP_ACTION_PASS 2
#define XDP_ACTION_REDIRECT 4
#define TC_ACTION_UNSPEC 0xffffffffU
#define TC_ACTION_OK 0
#define TC_ACTION_SHOT 2
#define TC_ACTION_REDIRECT 7

/* RFC 1191: no link has an MTU below this. */
#define MTU_MIN 68

/* ---- addresses ---- */

static bool holds(const struct laws_prefix *prefix, __be32 addr)
{
	const __u8 *one = (const __u8 *)&addr, *other = (const __u8 *)&prefix->addr;
	__u32 whole = prefix->len / 8, rest = prefix->len % 8;

	if (memcmp(one, other, whole) != 0) {
		return false;
	}
	return !rest || (one[whole] ^ other[whole]) >> (8 - rest) == 0;
}

static bool holds_any(const struct laws_prefix *list, __be32 addr)
{
	for (; list->addr; list++) {
		if (holds(list, addr)) {
			return true;
		}
	}
	return false;
}

static bool has_addr(const __be32 *list, __be32 addr)
{
	for (; *list; list++) {
		if (*list == addr) {
			return true;
		}
	}
	return false;
}

bool laws_is_hidden(const struct laws_world *world, __be32 addr)
{
	return holds_any(world->hidden, addr);
}

bool laws_is_open(const struct laws_world *world, __be32 addr)
{
	return holds_any(world->open, addr);
}

bool laws_is_own(const struct laws_world *world, __be32 addr)
{
	return has_addr(world->own, addr);
}

/* RFC 1812 5.3.7: nobody's source. */
static bool is_martian(__be32 addr)
{
	__u8 first = *(const __u8 *)&addr;

	return first == 0 || first == 127 || first >= 224;
}

/* ---- one fate ---- */

static __u32 class_of(__u32 verdict)
{
	static const __u8 classes[] = {
#define X(symbol, class, label, text) NATGW_CLASS_##class,
		NATGW_VERDICTS(X)
#undef X
	};

	return verdict < sizeof(classes) ? classes[verdict] : NATGW_CLASS_DROP;
}

/* The outcome that this return value and this fate make, LAWS_OUTCOME_COUNT: they do not agree. */
static enum laws_outcome outcome_xdp(const struct laws_case *of, __u32 class)
{
	if (of->retval == XDP_ACTION_DROP && class == NATGW_CLASS_DROP) {
		return LAWS_GONE;
	}
	if (of->retval == XDP_ACTION_PASS && class == NATGW_CLASS_DEFERRED) {
		return LAWS_STAYED;
	}
	return of->retval == XDP_ACTION_REDIRECT && class == NATGW_CLASS_OUT ? LAWS_SENT_OUT
									     : LAWS_OUTCOME_COUNT;
}

static enum laws_outcome outcome_tc(const struct laws_case *of, __u32 class)
{
	switch (of->retval) {
	case TC_ACTION_SHOT:
		return class == NATGW_CLASS_DROP ? LAWS_GONE : LAWS_OUTCOME_COUNT;
	case TC_ACTION_UNSPEC:
		return class == NATGW_CLASS_PASSED || class == NATGW_CLASS_DEFERRED
			       ? LAWS_STAYED
			       : LAWS_OUTCOME_COUNT;
	case TC_ACTION_OK:
		return class == NATGW_CLASS_OUT ? LAWS_GIVEN : LAWS_OUTCOME_COUNT;
	case TC_ACTION_REDIRECT:
		if (class == NATGW_CLASS_OUT) {
			return LAWS_SENT_OUT;
		}
		return class == NATGW_CLASS_DEFERRED ? LAWS_OUTCOME_COUNT : LAWS_ANSWERED;
	default:
		return LAWS_OUTCOME_COUNT;
	}
}

static enum laws_outcome outcome_egress(const struct laws_case *of, __u32 class)
{
	if (of->retval == TC_ACTION_SHOT && class == NATGW_CLASS_DROP) {
		return LAWS_GONE;
	}
	if (of->retval != TC_ACTION_OK) {
		return LAWS_OUTCOME_COUNT;
	}
	if (class == NATGW_CLASS_OUT) {
		return LAWS_LEFT;
	}
	return class == NATGW_CLASS_PASSED ? LAWS_STAYED : LAWS_OUTCOME_COUNT;
}

/* A redirect does not say where to: the frame's source is the interface that it leaves by. */
static enum laws_outcome way_of(const struct laws_world *world, const struct laws_case *of)
{
	const __u8 *dmac = of->out->data, *smac = dmac + 6;

	if (!memcmp(smac, world->mac_int, 6)) {
		return LAWS_SENT_IN;
	}
	if (memcmp(smac, world->mac_ext, 6) != 0) {
		return LAWS_OUTCOME_COUNT;
	}
	return memcmp(dmac, world->mac_ext, 6) != 0 ? LAWS_SENT_OUT : LAWS_TURNED;
}

static const char *law_fate(const struct laws_world *world, const struct laws_case *of,
			    enum laws_outcome *ret_outcome)
{
	static enum laws_outcome (*const outcome_of[])(
		const struct laws_case *, __u32) = { outcome_xdp, outcome_tc, outcome_egress };
	enum laws_outcome outcome = outcome_of[of->hook](of, class_of(of->verdict));

	if (of->seen != of->packets) {
		return "not seen once";
	}
	if (of->counted != of->packets) {
		return "not one fate";
	}
	if (of->verdict == NATGW_OK || of->verdict == NATGW_DROP_INTERNAL) {
		return "a fate that no packet may have";
	}
	if (outcome == LAWS_OUTCOME_COUNT) {
		return "an action that its fate does not have";
	}
	if (outcome == LAWS_SENT_OUT) {
		outcome = way_of(world, of);
	}
	if (outcome == LAWS_OUTCOME_COUNT) {
		return "sent with the MAC address of no interface";
	}
	*ret_outcome = outcome;
	return NULL;
}

/* ---- outside and inside ---- */

/* What leaves by the external interface, whoever has made it. */
static const char *law_nothing_internal(const struct laws_world *world, const struct laws_case *of)
{
	struct headers out;
	__be32 source;

	headers_read(of->out, &out);
	if (!out.is_ipv4 || laws_is_open(world, headers_addr(of->out, out.ip + 16))) {
		return NULL;
	}
	source = headers_addr(of->out, out.ip + 12);
	/* What the host sends of its own is not natgw's. */
	if (laws_is_hidden(world, source) && !of->from_host && !has_addr(world->speakers, source)) {
		return "an internal source outside";
	}
	if (out.has_quote && (laws_is_hidden(world, headers_addr(of->out, out.quote + 12)) ||
			      laws_is_hidden(world, headers_addr(of->out, out.quote + 16)))) {
		return "an internal address in a quote outside";
	}
	if (out.is_error && !out.is_whole && !out.has_quote && !of->from_host) {
		return "a quote outside that is in the next fragment";
	}
	return NULL;
}

static const char *law_outbound(const struct laws_world *world, const struct laws_case *of,
				bool turned)
{
	struct headers out;

	headers_read(of->out, &out);
	if (!laws_is_own(world, headers_addr(of->out, out.ip + 12))) {
		return "outbound, and the source is no external address";
	}
	if (!turned && laws_is_own(world, headers_addr(of->out, out.ip + 16))) {
		return "sent outside to a gateway's own address";
	}
	if (out.has_quote && !laws_is_own(world, headers_addr(of->out, out.quote + 16))) {
		return "outbound, and the quoted destination is no external address";
	}
	return NULL;
}

static const char *law_inbound(const struct laws_world *world, const struct laws_case *of)
{
	struct headers out;

	headers_read(of->out, &out);
	if (!laws_is_own(world, headers_addr(of->in, out.ip + 16)) ||
	    !laws_is_hidden(world, headers_addr(of->out, out.ip + 16))) {
		return "inbound, and not from an external address to an internal host";
	}
	if (out.has_quote && !laws_is_hidden(world, headers_addr(of->out, out.quote + 12))) {
		return "inbound, and the quoted source is no internal host";
	}
	return NULL;
}

/* ---- what may be translated at all ---- */

static const char *law_true_l4(const struct laws_case *of, const struct headers *in)
{
	const __u8 *l4 = of->in->data + in->l4;

	if (in->proto != PROTO_TCP && in->proto != PROTO_UDP && in->proto != PROTO_ICMP) {
		return NULL;
	}
	if (!in->has_l4) {
		return "translated, and its transport header is broken";
	}
	if (in->proto != PROTO_ICMP &&
	    (!frame_get16(of->in, in->l4) || !frame_get16(of->in, in->l4 + 2))) {
		return "translated, and it has port 0";
	}
	if (!in->is_error) {
		return NULL;
	}
	if (!in->has_quote) {
		return "translated, and it quotes nothing";
	}
	if (of->hook != LAWS_EGRESS && (headers_ip_error(of->in, in->quote) ||
					(in->is_whole && headers_l4_error(of->in, in)))) {
		return "an ICMP error with a wrong checksum translated";
	}
	if (l4[0] == TYPE_UNREACHABLE && l4[1] == 4 && frame_get16(of->in, in->l4 + 6) &&
	    frame_get16(of->in, in->l4 + 6) < MTU_MIN) {
		return "an MTU that no link has";
	}
	return NULL;
}

static const char *law_true(const struct laws_case *of, bool sent)
{
	struct headers in;

	headers_read(of->in, &in);
	if (!in.is_ipv4) {
		return "translated, and it is no IPv4 packet";
	}
	if (of->hook != LAWS_EGRESS && headers_ip_error(of->in, in.ip)) {
		return "translated, and its IP checksum is wrong";
	}
	if (sent && in.ttl <= 1) {
		return "forwarded at the end of its TTL";
	}
	if (of->hook != LAWS_EGRESS && is_martian(frame_src(of->in))) {
		return "translated, and it is from nobody's address";
	}
	if (of->hook != LAWS_EGRESS && frame_src(of->in) == frame_dst(of->in) && !of->turned) {
		return "translated, and it is from whom it is to";
	}
	if (headers_has_bad_options(of->in, &in)) {
		return "translated, and it has an option that none may have";
	}
	return in.is_first ? law_true_l4(of, &in) : NULL;
}

/* ---- what natgw makes itself ---- */

static bool has_same_quote(const struct laws_case *of, const struct headers *out)
{
	size_t len = out->l4_len - (out->quote - out->l4);

	return len <= of->in->len - FRAME_ETH &&
	       !memcmp(of->out->data + out->quote, of->in->data + FRAME_ETH, len);
}

static const char *law_answer_ipv4(const struct laws_world *world, const struct laws_case *of)
{
	struct headers in, out;

	headers_read(of->in, &in);
	headers_read(of->out, &out);
	if (!in.is_ipv4 || !in.is_first || in.is_error) {
		return "an answer to what must not have one";
	}
	if (!out.is_ipv4 || !out.has_l4 ||
	    headers_addr(of->out, out.ip + 16) != frame_src(of->in)) {
		return "an answer to another than the sender";
	}
	if (headers_ip_error(of->out, out.ip) || headers_l4_error(of->out, &out)) {
		return "an answer with a wrong checksum";
	}
	if (out.proto == PROTO_ICMP) {
		return out.is_error && out.has_quote && has_same_quote(of, &out) &&
				       has_addr(world->speakers, frame_src(of->out))
			       ? NULL
			       : "an answer that is no error about the frame";
	}
	return out.proto == PROTO_TCP && of->out->data[out.l4 + 13] & RST &&
			       frame_src(of->out) == frame_dst(of->in) &&
			       frame_get16(of->out, out.l4) == frame_get16(of->in, in.l4 + 2) &&
			       frame_get16(of->out, out.l4 + 2) == frame_get16(of->in, in.l4)
		       ? NULL
		       : "an answer that is no reset of the connection";
}

/* RFC 826: asked for one of ours, and the asked address answers whom the request names. */
static const char *law_answer_arp(const struct laws_world *world, const struct laws_case *of)
{
	return of->external && frame_get16(of->in, FRAME_ETH + 6) == 1 &&
			       frame_get16(of->out, FRAME_ETH + 6) == 2 &&
			       laws_is_own(world, headers_addr(of->in, FRAME_ETH + 24)) &&
			       headers_addr(of->out, FRAME_ETH + 14) ==
				       headers_addr(of->in, FRAME_ETH + 24) &&
			       !memcmp(of->out->data, of->in->data + FRAME_ETH + 8, 6)
		       ? NULL
		       : "an ARP reply that nobody has asked for";
}

static const char *law_answer(const struct laws_world *world, const struct laws_case *of)
{
	if (frame_get16(of->in, 12) == 0x0806) {
		return law_answer_arp(world, of);
	}
	return memcmp(of->out->data, of->in->data + 6, 6) != 0 ? "an answer to another MAC address"
							       : law_answer_ipv4(world, of);
}

/* ---- all of them ---- */

static const char *law_unchanged(const struct laws_case *of)
{
	return of->out->len == of->in->len && !memcmp(of->out->data, of->in->data, of->in->len)
		       ? NULL
		       : "not sent on, and changed";
}

static const char *judge_sent(const struct laws_world *world, const struct laws_case *of,
			      enum laws_outcome outcome)
{
	bool outbound = outcome != LAWS_SENT_IN && outcome != LAWS_GIVEN;
	bool sent = outcome == LAWS_SENT_OUT || outcome == LAWS_SENT_IN;
	const char *wrong;

	if (outbound == (of->external && of->hook != LAWS_EGRESS)) {
		return "sent back to where it came from";
	}
	wrong = law_true(of, sent);
	if (!wrong) {
		wrong = laws_change(of, outbound, sent);
	}
	if (!wrong && outbound) {
		wrong = law_outbound(world, of, outcome == LAWS_TURNED);
	} else if (!wrong) {
		wrong = law_inbound(world, of);
	}
	return wrong;
}

static const char *judge_outcome(const struct laws_world *world, const struct laws_case *of,
				 enum laws_outcome outcome)
{
	const char *wrong = NULL;

	if (outcome == LAWS_SENT_OUT || outcome == LAWS_LEFT || outcome == LAWS_TURNED ||
	    (outcome == LAWS_STAYED && of->hook == LAWS_EGRESS)) {
		wrong = law_nothing_internal(world, of);
	}
	if (wrong) {
		return wrong;
	}
	if (outcome == LAWS_GONE || outcome == LAWS_STAYED) {
		return law_unchanged(of);
	}
	return outcome == LAWS_ANSWERED ? law_answer(world, of) : judge_sent(world, of, outcome);
}

const char *laws_judge(const struct laws_world *world, const struct laws_case *of,
		       enum laws_outcome *ret_outcome)
{
	enum laws_outcome outcome = LAWS_OUTCOME_COUNT;
	const char *wrong = law_fate(world, of, &outcome);

	if (!wrong) {
		wrong = judge_outcome(world, of, outcome);
	}
	if (!wrong) {
		*ret_outcome = outcome;
	}
	return wrong;
}
