/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session in the making. Too big for the stack, which the programs share with their callbacks: it
 * lives in a row for each CPU. Packet programs do not interrupt each other on a CPU.
 */
#ifndef NATGW_BPF_CLAIM_H
#define NATGW_BPF_CLAIM_H

#include "account.h"

struct claim {
	struct natgw_outbound_key outbound_key;
	struct natgw_inbound_key key; /* the claim of the port fills in the external endpoint */
	struct natgw_session row;     /* the inbound row; then, changed, the outbound row */
	struct natgw_destination_key destination; /* as seen from the EIP in hand */
	__be32 rem_addr;			  /* as the client addressed it, a mapping's too */
	__be16 rem_port;
	__be16 wire_port;		   /* of the remote, on the wire */
	__u64 old_word;			   /* of a session that was taken over */
	struct natgw_outbound_key old_key; /* its client's */
	struct account_books old_books;
	__u32 rule;	 /* of kind session */
	__u32 dnat_rule; /* and of the others, as far as they match */
	__u32 snat_rule;
	__u32 mark;
	__be16 to_port; /* 0: as the client addressed it */
	__u16 pool_first;
	__u32 pool_count;
	__u32 gateway;
	__u32 proto; /* enum natgw_proto */
	__u32 now;
	__u32 client_hash;
	__u32 eip;   /* index of the EIP in hand */
	__u32 hash;  /* of the destination */
	__u32 phase; /* current copy of port_use and destination_use */
	__u32 limit; /* of this client: sessions to the destination by one EIP */
	__u32 tries;
	__u32 rechecked;  /* ports of full destinations looked at again */
	__u32 first_port; /* where a search from port to port begins, counted in the range */
	__u32 counted;	  /* ports in use, where there is no set to tell */
	__u32 word;	  /* of a full set, being looked at again */
	__u32 words_left;
	__u32 found;	    /* ports that turned out to be free */
	__u32 changes;	    /* of the set, as the word was begun */
	__u32 bit;	    /* of that word: the next port; 0: the word is to be judged */
	__u32 word_was;	    /* word_free_at before */
	__u32 word_free_at; /* what has been found out */
	__u32 free_at;	    /* of all words */
	__u32 spilled;	    /* EIPs that had no port */
	__be32 own_eip;	    /* the first one */
	enum natgw_verdict verdict;
	__u8 exclusive;	   /* for a mapping: a port that no session uses */
	__u8 lost;	   /* another CPU made the session: the row's external endpoint is its */
	__u8 again;	   /* a port was met that is free, or about to be: search again */
	__u8 quota_met;	   /* there are ports, but they are kept for other clients */
	__u8 mapping_met;  /* a port was free but for an endpoint-independent mapping */
	__u8 taken_met;	   /* a port was another session's */
	__u8 reserved;	   /* counted in the set before a port was found */
	__u8 client_port;  /* counted in client_ports */
	__u8 barred_met;   /* a port was reserved */
	__u8 no_nat;	   /* a rule says so */
	__u8 mark_by_port; /* of a later fragment: it may have a mark */
	__u8 by_port;	   /* of a later fragment: with its port another rule might match */
	__u8 from_remote;  /* made by a packet of the remote endpoint, through a port forward */
	__u8 fast;	   /* the outbound row's next packets may go the short way */
	__u32 packets;	   /* that the outbound row begins with, and their bytes */
	__u32 bytes;
};

MAP(BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct claim, 1) scratch __weak SEC(".maps");

static __always_inline struct claim *claim_scratch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

#endif
