/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The session log: one record when a session is made, one when it is gone. Without a wakeup, since
 * natgwd comes by on its own: a record costs its bytes.
 */
#ifndef NATGW_BPF_LOG_H
#define NATGW_BPF_LOG_H

#include "account.h"
#include "claim.h"

static __always_inline bool log_is_on(void)
{
	return policy_has(NATGW_FEATURE_LOG);
}

/* Room for a record; NULL: there is none. */
static __always_inline struct natgw_log_record *log_reserve(void)
{
	return bpf_ringbuf_reserve(&session_log, sizeof(struct natgw_log_record), 0);
}

static __always_inline void log_submit(struct natgw_log_record *record)
{
	__u32 kind = record ? NATGW_GENERATED_LOG : NATGW_GENERATED_LOG_LOST;
	__u64 *count = bpf_map_lookup_elem(&generated, &kind);

	if (record) {
		bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	}
	if (count) {
		/* Not alone: iterators run as a process, and packets interrupt them. */
		__sync_fetch_and_add(count, 1);
	}
}

/* claim: the session was just made, and this CPU made it. */
__noinline __weak int log_created(void)
{
	struct claim *claim = claim_scratch();
	struct natgw_log_record *record;

	if (!claim) {
		return 0;
	}
	record = log_reserve();
	if (record) {
		record->time = bpf_ktime_get_ns();
		record->packets_out = 0;
		record->bytes_out = 0;
		record->packets_in = 0;
		record->bytes_in = 0;
		record->client = claim->outbound_key.int_addr;
		record->ext_addr = claim->key.ext_addr;
		record->rem_addr = claim->key.rem_addr;
		record->client_port = claim->outbound_key.int_port;
		record->ext_port = claim->key.ext_port;
		record->rem_port = claim->key.rem_port;
		record->orig_port = claim->outbound_key.rem_port;
		record->id = session_generation(claim->row.word);
		record->proto = claim->key.proto;
		record->gateway = (__u8)claim->gateway;
		record->kind = NATGW_LOG_CREATED;
		record->cause = 0;
		record->idle = 0;
		record->reserved = 0;
	}
	log_submit(record);
	return 0;
}

/* The session of this word is gone, by this CPU; old and key: where its rows were. */
__noinline __weak int log_closed(const struct natgw_outbound_key *old,
				 const struct natgw_inbound_key *key, __u64 word,
				 const struct account_books *books, __u32 cause)
{
	struct natgw_log_record *record;

	if (!old || !key || !books || session_state(word) == NATGW_STATE_MAPPING) {
		return 0;
	}
	record = log_reserve();
	if (record) {
		record->time = bpf_ktime_get_ns();
		record->packets_out = books->packets[NATGW_OUTBOUND];
		record->bytes_out = books->bytes[NATGW_OUTBOUND];
		record->packets_in = books->packets[NATGW_INBOUND];
		record->bytes_in = books->bytes[NATGW_INBOUND];
		record->client = old->int_addr;
		record->ext_addr = key->ext_addr;
		record->rem_addr = key->rem_addr;
		record->client_port = old->int_port;
		record->ext_port = key->ext_port;
		record->rem_port = key->rem_port;
		record->orig_port = old->rem_port;
		record->id = session_generation(word);
		record->proto = key->proto;
		record->gateway = (__u8)session_gateway(word);
		record->kind = NATGW_LOG_CLOSED;
		record->cause = (__u8)cause;
		record->idle = books->idle;
		record->reserved = 0;
	}
	log_submit(record);
	return 0;
}

#endif
