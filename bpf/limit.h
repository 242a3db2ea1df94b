/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rate limits of gateways and clients (requirement 16). A bucket is the point in time at which all
 * that was let through would have passed at the configured rate; it may be ahead of the clock by
 * the burst. One swap for each packet and limit; a lost race is tried again, then charged anyhow,
 * so the rate holds whoever wins.
 */
#ifndef NATGW_BPF_LIMIT_H
#define NATGW_BPF_LIMIT_H

#include "account.h"

#define LIMIT_TRIES 4
#define LIMIT_SHIFT 20 /* of struct natgw_rate */

/* cost in ns. false: too fast. */
static __always_inline bool limit_take(__u64 *bucket, __u64 cost, __u64 now)
{
	for (int i = 0; i < LIMIT_TRIES; i++) {
		__u64 at = *(volatile __u64 *)bucket, from = at < now ? now : at;

		if (from > now + NATGW_RATE_BURST_NS) {
			return false;
		}
		if (__sync_val_compare_and_swap(bucket, at, from + cost) == at) {
			return true;
		}
	}
	__sync_fetch_and_add(bucket, cost);
	return true;
}

static __always_inline bool limit_rate(struct natgw_bucket *bucket, const struct natgw_rate *rate,
				       const struct packet *pkt, __u64 now)
{
	if (rate->per_packet && !limit_take(&bucket->packets_at,
					    pkt->segments * rate->per_packet >> LIMIT_SHIFT, now)) {
		return false;
	}
	return !rate->per_byte ||
	       limit_take(&bucket->bytes_at, pkt->bytes * rate->per_byte >> LIMIT_SHIFT, now);
}

static __always_inline bool limit_is_set(const struct natgw_gateway *gateway)
{
	return gateway->rate.per_byte | gateway->rate.per_packet | gateway->client_rate.per_byte |
	       gateway->client_rate.per_packet;
}

/* Returns 0 when the packet of this client is over a limit of pkt->gateway. */
__noinline __weak int limit_passes(const struct packet *pkt, __be32 client)
{
	struct natgw_gateway_use *use;
	struct natgw_gateway *gateway;
	struct natgw_client *row;
	__u64 now;

	if (!pkt) {
		return 1;
	}
	gateway = policy_gateway(pkt->gateway);
	use = account_gateway(pkt->gateway);
	row = account_client(client, pkt->gateway);
	if (!gateway || !use) {
		return 1;
	}
	now = bpf_ktime_get_coarse_ns();
	if (row && !limit_rate(&row->bucket[pkt->direction == NATGW_INBOUND], &gateway->client_rate,
			       pkt, now)) {
		return 0;
	}
	return limit_rate(&use->bucket[pkt->direction == NATGW_INBOUND], &gateway->rate, pkt, now);
}

/* The packet is about to be translated: NATGW_OK, or NATGW_DROP_RATE_LIMITED. */
static __always_inline enum natgw_verdict limit_check(const struct packet *pkt, __be32 client)
{
	struct natgw_gateway *gateway = policy_gateway(pkt->gateway);

	if (!gateway || !limit_is_set(gateway) || limit_passes(pkt, client)) {
		return NATGW_OK;
	}
	return NATGW_DROP_RATE_LIMITED;
}

#endif
