/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The short way of most packets: a TCP segment or UDP datagram of a session whose row says that
 * nothing but the row is to be asked (NATGW_REFERENCE_FAST: set at the end of the long way, good
 * until the generation changes, which every change of the configuration does). One lookup; no
 * route, policy, division; one line is written, the row's. Whatever is out of the ordinary leaves
 * the packet as it came, for the long way (ingress.h), and so does whatever changes the session's
 * state. Includes after access_xdp.h or access_tc.h.
 */
#ifndef NATGW_BPF_FAST_H
#define NATGW_BPF_FAST_H

#include "inbound.h"
#include "verdict.h"

/* The packet, as it is found; scalars, so that they can stay in registers. */
struct fast {
	__u64 addrs; /* source, destination, as they lie in the packet */
	__u32 ports; /* as well */
	__u32 proto;
	__u32 ip_len; /* of one packet on the wire */
	__u32 segments;
	__u32 bytes;
	__u32 tcp_seq; /* host order */
	__u32 tcp_ack; /* host order */
	__u32 tcp_flags;
	__u32 tcp_header;
	__u32 tcp_has_data;
	__u32 now;
	__u32 generation;
	__u32 inbound;
	__u32 hook;
};

/* ---- interfaces ---- */

/* What a CPU remembers of an interface that packets came in by, for one generation. */
struct fast_link {
	__u32 ifindex;
	__u32 generation;
	__u8 mac[ETH_ALEN];
	__u8 flags; /* NATGW_IFACE_* */
	__u8 reserved;
	__u64 jiffies; /* the clock, as it was in this one */
	__s64 skew_ns;
	__u32 now;
	__u32 reserved_too;
};

#define FAST_LINKS 16

MAP(BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct fast_link, FAST_LINKS) links __weak SEC(".maps");

/* Of the next packets; this one takes the long way. */
static __noinline int fast_learn_link(__u32 ifindex, __u32 generation_number)
{
	struct natgw_iface *iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	__u32 index = ifindex & (FAST_LINKS - 1);
	struct fast_link *link = bpf_map_lookup_elem(&links, &index);

	if (iface && link) {
		__builtin_memcpy(link->mac, iface->mac, ETH_ALEN);
		link->flags = iface->flags;
		link->ifindex = ifindex;
		link->generation = generation_number;
	}
	return 0;
}

static __always_inline struct fast_link *fast_link(__u32 ifindex, __u32 generation_number)
{
	__u32 index = ifindex & (FAST_LINKS - 1);
	struct fast_link *link = bpf_map_lookup_elem(&links, &index);

	if (!link || link->ifindex != ifindex || link->generation != generation_number) {
		fast_learn_link(ifindex, generation_number);
		return (void *)0;
	}
	return link;
}

/* The coarse clock stands still within a jiffy, and a jiffy costs nothing to read. */
static __always_inline __u32 fast_clock(struct fast_link *link)
{
	__u32 zero = 0;
	struct natgw_clock *row = bpf_map_lookup_elem(&clock, &zero);
	__u64 jiffies = bpf_jiffies64();

	if (!row || link->jiffies != jiffies || link->skew_ns != row->skew_ns) {
		link->now = clock_now();
		link->jiffies = jiffies;
		link->skew_ns = row ? row->skew_ns : 0;
	}
	return link->now;
}

/* Is the frame addressed to the interface (access_is_for_us)? */
static __always_inline bool fast_is_for_us(access_ctx *ctx, const struct fast_link *link,
					   const void *frame)
{
#if ACCESS_IS_XDP
	const __u16 *to = frame, *mac = (const void *)link->mac;

	(void)ctx;
	return !((to[0] ^ mac[0]) | (to[1] ^ mac[1]) | (to[2] ^ mac[2]));
#else
	(void)link;
	(void)frame;
	return ctx->pkt_type == PACKET_HOST;
#endif
}

/* ---- parse ---- */

static __always_inline bool fast_parse_tcp(access_ctx *ctx, const struct tcphdr *tcp, __u32 l4_len,
					   struct fast *fast)
{
	const __u8 *bytes = (const void *)tcp;
	__u32 header;

	if ((const void *)tcp + sizeof(*tcp) > access_data_end(ctx)) {
		return false;
	}
	header = (bytes[12] >> 4) * 4;
	fast->tcp_flags = bytes[13];
	fast->tcp_seq = byteorder_host32(tcp->seq);
	fast->tcp_ack = byteorder_host32(tcp->ack_seq);
	fast->tcp_header = header;
	fast->tcp_has_data = header < l4_len;
	/* A SYN may be a new connection. */
	return header >= sizeof(*tcp) && header <= l4_len &&
	       (fast->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN;
}

/* A GSO packet stands for several (parse_gso). */
static __always_inline bool fast_parse_gso(access_ctx *ctx, const struct iphdr *ip,
					   struct fast *fast)
{
	__u32 gso_size = access_gso_size(ctx), headers = IPV4_HLEN + sizeof(struct udphdr);
	const __u8 *tcp = (const void *)(ip + 1);

	fast->segments = 1;
	fast->bytes = fast->ip_len;
	if (!gso_size) {
		return true;
	}
	if (fast->proto == IPPROTO_TCP) {
		headers = IPV4_HLEN + (tcp[12] >> 4) * 4;
	}
	fast->segments = (__u16)access_gso_segments(ctx);
	fast->bytes = access_len(ctx) - ETH_HLEN + (fast->segments - 1) * headers;
	fast->ip_len = headers + gso_size;
	return fast->segments;
}

/* Bytes of the frame; in XDP of its first buffer, in which all of the packet is or it is not for
 * here. */
static __always_inline __u32 fast_len(access_ctx *ctx)
{
#if ACCESS_IS_XDP
	return (__u32)(access_data_end(ctx) - access_data(ctx));
#else
	return access_len(ctx);
#endif
}

/* IPv4 without options, whole, TCP or UDP, and nothing wrong with it (parse.h, verify.h). */
static __always_inline bool fast_parse(access_ctx *ctx, const struct iphdr *ip, struct fast *fast)
{
	const struct udphdr *udp = (const void *)(ip + 1);
	__u32 l4_len;

	if ((const void *)udp + sizeof(*udp) > access_data_end(ctx) || *(const __u8 *)ip != 0x45 ||
	    ip->frag_off & byteorder_wire16(IP_MF | IP_OFFSET) || ip->ttl <= 1 ||
	    !verify_is_right(verify_header_sum(ip))) {
		return false;
	}
	fast->ip_len = byteorder_host16(ip->tot_len);
	l4_len = fast->ip_len - IPV4_HLEN;
	fast->proto = ip->protocol;
	fast->addrs = *(const __u64 *)(const void *)&ip->saddr;
	fast->ports = *(const __u32 *)(const void *)udp;
	fast->tcp_flags = 0;
	if (fast->ip_len < IPV4_HLEN + sizeof(*udp) || fast->ip_len > fast_len(ctx) - ETH_HLEN) {
		return false;
	}
	if (fast->proto == IPPROTO_TCP) {
		return fast_parse_tcp(ctx, (const void *)udp, l4_len, fast) &&
		       fast_parse_gso(ctx, ip, fast);
	}
	if (fast->proto != IPPROTO_UDP) {
		return false;
	}
	return byteorder_host16(udp->len) >= sizeof(*udp) && byteorder_host16(udp->len) <= l4_len &&
	       fast_parse_gso(ctx, ip, fast);
}

/* ---- find ---- */

/* The other slots of the home, and the tail: by themselves, since most rows stand at home. */
__noinline __weak int fast_search_outbound(__u64 addrs, __u64 rest)
{
	const struct natgw_table_key key = { .addrs = addrs, .rest = rest };
	__u64 word;

	return (int)natgw_table_search(&outbound, &session_size, &key, &word);
}

__noinline __weak int fast_search_inbound(__u64 addrs, __u64 rest)
{
	const struct natgw_table_key key = { .addrs = addrs, .rest = rest };
	__u64 word;

	return (int)natgw_table_search(&inbound, &session_size, &key, &word);
}

/* natgw_table_matches, but for what session_is_same will say in the end. */
static __always_inline bool fast_matches(const struct natgw_slot *slot,
					 const struct natgw_table_key *key, __u64 *ret_word)
{
	const struct natgw_slot *then;
	__u64 word = NATGW_TABLE_READ(&slot->row.word);

	then = (const void *)slot + NATGW_TABLE_AFTER(word);
	*ret_word = word;
	return !((then->addrs ^ key->addrs) | ((then->rest ^ key->rest) & NATGW_TABLE_REST_MASK));
}

/* The packet's row, whichever gateway's. The direction is a constant. */
static __always_inline struct natgw_session *
fast_find(const struct fast *fast, enum natgw_direction direction, __u64 *ret_word)
{
	struct natgw_table_key key = { .addrs = fast->addrs, .rest = fast->ports };
	bool in = direction == NATGW_INBOUND;
	struct natgw_slot *slot;
	__u32 home;

	if (in) {
		key.addrs = key.addrs << 32 | key.addrs >> 32;
		key.rest = (__u32)(fast->ports << 16 | fast->ports >> 16);
	}
	key.rest |= (__u64)fast->proto << 32;
	home = natgw_table_home(&session_size, natgw_table_hash(&key, session_size.seed));
	slot = in ? natgw_table_slot(&inbound, home) : natgw_table_slot(&outbound, home);
	if (!slot) {
		return (void *)0;
	}
	if (fast_matches(slot, &key, ret_word)) {
		return session_row(&slot->row, *ret_word);
	}
	if (!(slot->row.hops & ~1U) && !(slot->rest >> NATGW_TABLE_TAIL_SHIFT)) {
		return (void *)0;
	}
	home = (__u32)(in ? fast_search_inbound(key.addrs, key.rest)
			  : fast_search_outbound(key.addrs, key.rest));
	slot = in ? natgw_table_slot(&inbound, home) : natgw_table_slot(&outbound, home);
	return slot && fast_matches(slot, &key, ret_word) ? session_row(&slot->row, *ret_word)
							  : (void *)0;
}

/* ---- judge ---- */

/* Nothing that the packet is would change the state (track_next_word). */
static __always_inline bool fast_keeps_state(const struct fast *fast,
					     enum natgw_direction direction, __u64 word)
{
	bool remote_first = session_seen(word) & NATGW_SEEN_REMOTE_FIRST;

	if (session_state(word) == NATGW_STATE_ESTABLISHED) {
		return !(fast->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST));
	}
	return session_state(word) == NATGW_STATE_OPENING && fast->proto == IPPROTO_UDP &&
	       (direction == NATGW_INBOUND) == remote_first;
}

/*
 * May the row speak for itself? Then its timers are longer than the time since when it was in use
 * last, and the window since then is that of its reference.
 */
static __always_inline bool fast_is_current(const struct fast *fast,
					    const struct natgw_session *row, __u32 reference)
{
	return reference & NATGW_REFERENCE_FAST &&
	       reference >> NATGW_REFERENCE_SHIFT == (__u16)fast->generation &&
	       !((row->last_seen ^ fast->now) >> NATGW_ROUTE_SHIFT);
}

/* The way out, in registers. */
struct fast_way {
	__u64 macs; /* destination, and the first two bytes of the source */
	__u32 macs_rest;
	__u32 ifindex;
	__u32 mtu;
};

/* A consistent copy of the next hop (nexthop_cached), if the packet may go there from here. */
static __always_inline bool fast_find_way(const struct fast *fast, __u32 reference,
					  struct fast_way *way)
{
	__u32 index = reference & NATGW_REFERENCE_INDEX, seq;
	struct natgw_nexthop *entry = bpf_map_lookup_elem(&nexthops, &index), *then;
	bool usable;

	if (!entry) {
		return false;
	}
	seq = nexthop_sequence(entry);
	then = (void *)entry + NATGW_TABLE_AFTER(seq);
	way->macs = *(const volatile __u64 *)(const void *)then->dmac;
	way->macs_rest = *(const volatile __u32 *)(const void *)(then->dmac + 8);
	way->ifindex = NATGW_TABLE_READ(&then->ifindex);
	way->mtu = NATGW_TABLE_READ(&then->mtu);
	usable = fast->ip_len <= way->mtu &&
		 (ACCESS_IS_XDP ? NATGW_TABLE_READ(&then->redirect)
				: NATGW_TABLE_READ(&then->flags)) &&
		 (__s32)(NATGW_TABLE_READ(&then->valid_until) - fast->now) >= 0;
	then = (void *)entry + NATGW_TABLE_AFTER(way->macs ^ way->macs_rest ^ way->ifindex);
	return usable && !(seq & 1) && nexthop_sequence(then) == seq;
}

/* ---- change ---- */

static __always_inline void fast_stamp(const struct fast *fast, struct natgw_session *row)
{
	if (row->last_seen != fast->now) {
		row->last_seen = fast->now;
	}
	row->packets += fast->segments;
	row->bytes += fast->bytes;
	if (fast->tcp_flags & TCP_ACK &&
	    (!row->rst_seq || (__s32)(fast->tcp_ack - row->rst_seq) > 0)) {
		row->rst_seq = fast->tcp_ack;
	}
}

/* A packet that may change the state, as the functions of the long way know it. */
static __always_inline struct packet *
fast_packet(const struct fast *fast, enum natgw_direction direction, __u32 ifindex, __u64 word)
{
	struct packet *pkt = packet_begin(fast->hook, ifindex, fast->now);

	if (!pkt) {
		return pkt;
	}
	pkt->saddr = (BYTEORDER_FORCE __be32)(__u32)fast->addrs;
	pkt->daddr = (BYTEORDER_FORCE __be32)(__u32)(fast->addrs >> 32);
	pkt->ext_addr = pkt->daddr;
	pkt->sport = (BYTEORDER_FORCE __be16)(__u16)fast->ports;
	pkt->dport = (BYTEORDER_FORCE __be16)(__u16)(fast->ports >> 16);
	pkt->proto = (__u8)fast->proto;
	pkt->tcp_flags = (__u8)fast->tcp_flags;
	pkt->tcp_seq = fast->tcp_seq;
	pkt->tcp_ack = fast->tcp_ack;
	pkt->tcp_header = (__u8)fast->tcp_header;
	pkt->tcp_has_data = (__u8)fast->tcp_has_data;
	pkt->l3 = ETH_HLEN;
	pkt->l4 = ETH_HLEN + IPV4_HLEN;
	pkt->l3_len = (__u16)fast->ip_len;
	pkt->segments = (__u16)fast->segments;
	pkt->bytes = fast->bytes;
	pkt->direction = direction;
	pkt->gateway = (__u8)session_gateway(word);
	return pkt;
}

/* Does what the packet does to its session (track_outbound, whose mapping has been heard of in this
 * window); 0: it is over, and nothing has been done. */
__noinline __weak int fast_track_outbound(struct packet *pkt, struct natgw_session *row, __u64 word)
{
	struct natgw_outbound_key key;

	if (!pkt || !row) {
		return 0;
	}
	outbound_key(pkt, &key);
	if (!track_translates(track_outbound_life(&key, row, word, pkt->now), row, word,
			      pkt->now)) {
		return 0;
	}
	track_stamp(row, word, pkt);
	if (track_next_word(pkt, word, TRACK_TRUST_ALL) != word) {
		track_change_outbound(&key, row, pkt, word);
	}
	return 1;
}

__noinline __weak int fast_track_inbound(struct packet *pkt, struct natgw_session *row, __u64 word)
{
	struct natgw_inbound_key key;

	if (!pkt || !row) {
		return 0;
	}
	inbound_key(pkt, &key);
	if (!track_translates(track_inbound_life(&key, row, word, pkt->now), row, word, pkt->now)) {
		return 0;
	}
	track_stamp(row, word, pkt);
	if (track_next_word(pkt, word, TRACK_TRUST_ALL) != word) {
		track_change_inbound(&key, row, pkt, word);
	}
	return 1;
}

/* What the endpoint becomes. */
struct fast_edit {
	__u32 from_addr; /* raw, all of them */
	__u32 to_addr;
	__u16 from_port;
	__u16 to_port;
	__u16 addr_offset; /* in the frame */
	__u16 port_offset;
};

/* The transport checksum, if there is one. 0, or not 0. */
static __always_inline int fast_edit_l4_check(access_ctx *ctx, const struct fast *fast,
					      const struct fast_edit *edit)
{
	__u32 offset = ETH_HLEN + IPV4_HLEN + (fast->proto == IPPROTO_TCP ? TCP_CHECK : UDP_CHECK);
	__u32 flags = fast->proto == IPPROTO_UDP ? ACCESS_UDP : 0;
#if ACCESS_IS_XDP
	__u16 *check = access_at(ctx, offset, sizeof(*check));

	if (!check) {
		return -1;
	}
	if (*check || !flags) {
		*check = (__u16)~checksum_fold((__u64)(__u16) ~*check + (__u32)~edit->from_addr +
					       edit->to_addr + (__u16)~edit->from_port +
					       edit->to_port);
		if (flags && !*check) {
			*check = 0xffff;
		}
	}
	return 0;
#else
	return access_l4_check(ctx, offset, edit->from_addr, edit->to_addr,
			       4 | ACCESS_PSEUDO | flags) ||
	       access_l4_check(ctx, offset, edit->from_port, edit->to_port, 2 | flags);
#endif
}

/* Addresses, port, TTL, both checksums, MACs. false: only good to be dropped. */
static __always_inline bool fast_rewrite(access_ctx *ctx, const struct fast *fast,
					 const struct fast_edit *edit, const struct fast_way *way)
{
	__u8 *frame;
	struct iphdr *ip;
	__u16 ttl;

	if (fast_edit_l4_check(ctx, fast, edit)) {
		return false;
	}
	frame = access_at(ctx, 0, ETH_HLEN + IPV4_HLEN + sizeof(struct udphdr));
	if (!frame) {
		return false;
	}
	ip = (void *)(frame + ETH_HLEN);
	/* TTL is the first byte of its 16-bit word; it is over 1. */
	ttl = *(const __u16 *)(const void *)&ip->ttl;
	*(__u16 *)(void *)&ip->ttl = ttl - 1;
	ip->check = (__u16)~checksum_fold((__u64)(__u16)~ip->check + (__u32)~edit->from_addr +
					  edit->to_addr + (__u16)~ttl + (__u16)(ttl - 1));
	*(__u32 *)(void *)(frame + edit->addr_offset) = edit->to_addr;
	*(__u16 *)(void *)(frame + edit->port_offset) = edit->to_port;
	*(__u64 *)(void *)frame = way->macs;
	*(__u32 *)(void *)(frame + 8) = way->macs_rest;
	return true;
}

/* As verdict_count_seen and verdict_count do. */
static __always_inline void fast_count(const struct fast *fast, enum natgw_direction direction,
				       __u32 gateway, enum natgw_verdict verdict)
{
	__u32 hook = fast->hook, index = natgw_verdict_index(gateway, hook, direction, verdict);
	struct natgw_count *count = bpf_map_lookup_elem(&seen, &hook);
	struct natgw_traffic *counters;

	if (count) {
		count->packets += fast->segments;
		count->bytes += fast->bytes;
	}
	count = bpf_map_lookup_elem(&verdicts, &index);
	if (count) {
		count->packets += fast->segments;
		count->bytes += fast->bytes;
	}
	counters = bpf_map_lookup_elem(&traffic, &gateway);
	if (!counters) {
		return;
	}
	count = direction == NATGW_OUTBOUND ? &counters->in_from_source
					    : &counters->in_from_destination;
	count->packets += fast->segments;
	count->bytes += fast->bytes;
	if (verdict != NATGW_TRANSLATED) {
		return;
	}
	count = direction == NATGW_OUTBOUND ? &counters->out_to_destination
					    : &counters->out_to_source;
	count->packets += fast->segments;
	count->bytes += fast->bytes;
}

/* ---- the way ---- */

/* What the short way returns, unless it is the interface that the packet leaves by. */
#define FAST_NOT 0 /* the packet is as it came */
#define FAST_DROP (-1)
#define FAST_OTHER (-2) /* as FAST_NOT; where it came from it may be of the other direction */

/* XDP asks for its redirect before anything is rewritten: the interface may have gone away. */
static __always_inline bool fast_may_redirect(__u32 ifindex)
{
#if ACCESS_IS_XDP
	return bpf_redirect_map(&devices, ifindex, 0) == XDP_REDIRECT;
#else
	(void)ifindex;
	return true;
#endif
}

static __always_inline int fast_try(access_ctx *ctx, const struct fast *fast,
				    enum natgw_direction direction)
{
	bool in = direction == NATGW_INBOUND;
	__u16 own_port = (__u16)(in ? fast->ports >> 16 : fast->ports);
	struct fast_edit edit = {
		.from_addr = (__u32)(in ? fast->addrs >> 32 : fast->addrs),
		.from_port = own_port,
		.addr_offset = ETH_HLEN + (in ? IPV4_DADDR : IPV4_SADDR),
		.port_offset = ETH_HLEN + IPV4_HLEN + (in ? 2 : 0),
	};
	struct packet *pkt = (void *)0;
	struct natgw_session *row;
	struct fast_way way;
	__u32 reference;
	__u64 word;

	row = fast_find(fast, direction, &word);
	if (!row || session_is_absent(word) || session_state(word) == NATGW_STATE_NEW) {
		return FAST_NOT;
	}
	reference = NATGW_TABLE_READ(&row->nexthop);
	edit.to_addr = BYTEORDER_RAW32(row->addr);
	edit.to_port = BYTEORDER_RAW16(row->port);
	if (!fast_is_current(fast, row, reference) || !fast_find_way(fast, reference, &way) ||
	    !session_is_same(row, word, edit.to_addr ^ edit.to_port ^ reference) ||
	    !fast_may_redirect(way.ifindex)) {
		return FAST_NOT;
	}
	if (fast_keeps_state(fast, direction, word)) {
		fast_stamp(fast, row);
	} else {
		pkt = fast_packet(fast, direction, access_ifindex(ctx), word);
		if (!pkt || !(in ? fast_track_inbound(pkt, row, word)
				 : fast_track_outbound(pkt, row, word))) {
			return FAST_NOT;
		}
	}
	if (!fast_rewrite(ctx, fast, &edit, &way) ||
	    (pkt && forward_clamp_mss(ctx, pkt, way.mtu) != NATGW_OK)) {
		fast_count(fast, direction, session_gateway(word), NATGW_DROP_INTERNAL);
		return FAST_DROP;
	}
	fast_count(fast, direction, session_gateway(word), NATGW_TRANSLATED);
	return (int)way.ifindex;
}

/*
 * FAST_NOT, FAST_DROP, or where the packet goes; it is counted then. A function of its own, so that
 * the long way has its stack. The side and the hook are constants.
 */
static __always_inline int fast_run(access_ctx *ctx, enum packet_side side, enum natgw_hook hook)
{
	struct fast fast = { .hook = hook };
	struct natgw_generation *current = packet_generation();
	const void *frame = access_at(ctx, 0, ETH_HLEN + IPV4_HLEN + sizeof(struct udphdr));
	struct fast_link *link;
	int end;

	if (!frame || !current ||
	    ((const struct ethhdr *)frame)->h_proto != byteorder_wire16(ETH_P_IP) ||
	    access_has_vlan(ctx) || !fast_parse(ctx, frame + ETH_HLEN, &fast)) {
		return FAST_NOT;
	}
	fast.generation = NATGW_TABLE_READ(&current->nexthop);
	link = fast_link(access_ifindex(ctx), fast.generation);
	if (!link || !fast_is_for_us(ctx, link, frame)) {
		return FAST_NOT;
	}
	fast.now = fast_clock(link);
	if (side == PACKET_SIDE_INTERNAL) {
		return link->flags & NATGW_IFACE_INTERNAL ? fast_try(ctx, &fast, NATGW_OUTBOUND)
							  : FAST_NOT;
	}
	end = fast_try(ctx, &fast, NATGW_INBOUND);
	return end == FAST_NOT && link->flags & NATGW_IFACE_INTERNAL ? FAST_OTHER : end;
}

#endif
