// SPDX-License-Identifier: GPL-2.0-only
/* An iterator over map "walk" that ends the sessions which map "kill" describes, or counts them. */
#include "maps.h"

#include <bpf/bpf_tracing.h>

#include "remove.h"
#include "walk.h"

char LICENSE[] SEC("license") = "GPL";

struct kill_pass {
	__u32 first; /* slot */
	__u32 now;   /* ticks */
};

static __always_inline bool kill_matches_endpoints(const struct natgw_kill *filter,
						   const struct natgw_inbound_key *key,
						   const struct natgw_session *row)
{
	__be16 rem_port = row->orig_port ? row->orig_port : key->rem_port;

	if ((row->addr & filter->client_mask) != filter->client ||
	    (key->rem_addr & filter->rem_mask) != filter->rem_addr) {
		return false;
	}
	return (!filter->ext_addr || filter->ext_addr == key->ext_addr) &&
	       (!filter->client_port || filter->client_port == row->port) &&
	       (!filter->rem_port || filter->rem_port == rem_port) &&
	       (!filter->ext_port || filter->ext_port == key->ext_port);
}

/* Since the last packet of either direction. */
static __noinline __u32 kill_idle(const struct natgw_inbound_key *key,
				  const struct natgw_session *row, __u64 word, __u32 now)
{
	struct account_books books = {};

	account_read(key, row, word, now, &books);
	return books.idle;
}

static __always_inline bool kill_matches(const struct natgw_kill *filter,
					 const struct natgw_inbound_key *key,
					 const struct natgw_session *row, __u64 word, __u32 now)
{
	if ((filter->proto && filter->proto != key->proto) ||
	    (filter->gateway && filter->gateway != session_gateway(word)) ||
	    (filter->state && filter->state != session_state(word))) {
		return false;
	}
	return kill_matches_endpoints(filter, key, row) &&
	       (!filter->idle || kill_idle(key, row, word, now) >= filter->idle);
}

/* One slot; a callback of bpf_loop. */
static long kill_slot(__u32 i, const struct kill_pass *pass)
{
	struct natgw_inbound_key key;
	struct natgw_session *row;
	struct natgw_kill *filter;
	__u32 zero = 0;
	__u64 word;

	row = walk_read(pass->first + i, &key, &word);
	if (!row || session_state(word) == NATGW_STATE_NEW) {
		return 0;
	}
	filter = bpf_map_lookup_elem(&kill, &zero);
	if (!filter || !kill_matches(filter, &key, row, word, pass->now)) {
		return 0;
	}
	filter->matched++;
	if (!filter->dry && remove_session(&key, row, word, NATGW_CLOSE_KILLED, pass->now)) {
		filter->killed++;
	}
	return 0;
}

static __always_inline __u64 kill_count(void)
{
	__u32 zero = 0;
	struct natgw_kill *filter = bpf_map_lookup_elem(&kill, &zero);

	return filter ? filter->killed : 0;
}

/* As natgw_sweep: so the reader comes back before the ring of records is full. */
SEC("iter/bpf_map_elem")
int natgw_kill(struct bpf_iter__bpf_map_elem *ctx)
{
	struct kill_pass pass = { .first = walk_stretch(ctx) };
	const __u8 mark[NATGW_TABLE_STRIDE] = {};
	__u64 killed = kill_count();

	if (pass.first != NATGW_TABLE_NONE) {
		pass.now = clock_now_fine();
		bpf_loop(NATGW_TABLE_STRIDE, kill_slot, &pass, 0);
		if (log_is_on() && kill_count() != killed) {
			bpf_seq_write(ctx->meta->seq, mark, sizeof(mark));
		}
	}
	return 0;
}
