// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of "forwards" and "acl", the ports that no new session gets, and the hits of rules. What the
 * rows should say is not its work.
 */
#include "datapath.h"

#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "datapath_internal.h"

int datapath_set_forward(struct datapath *dp, const struct natgw_forward_key *key,
			 const struct natgw_forward *forward)
{
	return bpf_map_update_elem(dp->fd[DATAPATH_FORWARDS], key, forward, BPF_ANY);
}

int datapath_del_forward(struct datapath *dp, const struct natgw_forward_key *key)
{
	return bpf_map_delete_elem(dp->fd[DATAPATH_FORWARDS], key);
}

int datapath_set_acl(struct datapath *dp, const struct natgw_acl_key *key,
		     const struct natgw_acl *row)
{
	dp->changed = true;
	return bpf_map_update_elem(dp->fd[DATAPATH_ACL], key, row, BPF_ANY);
}

int datapath_del_acl(struct datapath *dp, const struct natgw_acl_key *key)
{
	dp->changed = true;
	return bpf_map_delete_elem(dp->fd[DATAPATH_ACL], key);
}

/* ---- reserved ports ---- */

#define WORDS (sizeof(((struct natgw_port_bits *)NULL)->word) / sizeof(__u64))

static int reserved_row(const struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			struct natgw_port_bits **ret_row)
{
	if (eip >= NATGW_EIPS_MAX || (unsigned int)proto >= NATGW_PROTO_COUNT) {
		return -EINVAL;
	}
	*ret_row = &dp->reserved[natgw_reserved_index(eip, proto)];
	return 0;
}

/* Only words that change are written: the program at egress sets bits, too, and reads them all. */
int datapath_reserve_ports(struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			   const struct natgw_port_bits *ports)
{
	struct natgw_port_bits *row;
	int r = reserved_row(dp, eip, proto, &row);

	for (size_t i = 0; r == 0 && i < WORDS; i++) {
		if (ports->word[i] & ~row->word[i]) {
			__atomic_fetch_or(&row->word[i], ports->word[i], __ATOMIC_SEQ_CST);
		}
	}
	return r;
}

int datapath_unreserve_ports(struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			     const struct natgw_port_bits *ports)
{
	struct natgw_port_bits *row;
	int r = reserved_row(dp, eip, proto, &row);

	for (size_t i = 0; r == 0 && i < WORDS; i++) {
		if (ports->word[i] & row->word[i]) {
			__atomic_fetch_and(&row->word[i], ~ports->word[i], __ATOMIC_SEQ_CST);
		}
	}
	return r;
}

int datapath_get_reserved(struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			  struct natgw_port_bits *ret_ports)
{
	struct natgw_port_bits *row;
	int r = reserved_row(dp, eip, proto, &row);

	if (r == 0) {
		*ret_ports = (struct natgw_port_bits){ 0 };
		for (size_t i = 0; i < WORDS; i++)
			ret_ports->word[i] = __atomic_load_n(&row->word[i], __ATOMIC_RELAXED);
	}
	return r;
}

/* ---- hits of rules ---- */

int datapath_read_rule_hits(struct datapath *dp, uint32_t number, uint64_t *ret_hits)
{
	return datapath_read_summed(dp, DATAPATH_RULE_HITS, number, ret_hits, sizeof(*ret_hits));
}

int datapath_clear_rule_hits(struct datapath *dp, uint32_t number)
{
	_cleanup_free_ uint64_t *zeros = calloc(dp->cpus, sizeof(*zeros));

	return zeros ? bpf_map_update_elem(dp->fd[DATAPATH_RULE_HITS], &number, zeros, BPF_ANY)
		     : -ENOMEM;
}
