/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What holds for every frame at every hook, whatever is in it: one fate, nothing internal outside,
 * checksums that stay as right or wrong as they were, and nothing changed that is not to be. Judges
 * from the frame as it came in, the frame as it is afterwards, the program's return value and what
 * was counted; shares nothing with the programs but the list of verdicts.
 */
#ifndef NATGW_TESTS_BPF_LAWS_H
#define NATGW_TESTS_BPF_LAWS_H

#include "frame.h"

enum laws_hook {
	LAWS_XDP,
	LAWS_TC,
	LAWS_EGRESS,
	LAWS_HOOK_COUNT,
};

struct laws_prefix {
	__be32 addr;
	__u32 len;
};

/* The list ends with an address 0. */
struct laws_world {
	const __u8 *mac_int; /* of the internal interface */
	const __u8 *mac_ext;
	const struct laws_prefix *hidden; /* internal hosts, and what else nobody outside may see */
	const struct laws_prefix *open;	  /* reached without translation, by the route tables */
	const __be32 *own;		  /* what gateways use outside: EIPs, public addresses */
	const __be32 *speakers;		  /* private IPs, from which ICMP errors come */
};

/* One frame at one hook. */
struct laws_case {
	enum laws_hook hook;
	bool external;	/* came in by the external interface */
	bool from_host; /* at egress: not forwarded */
	bool turned;	/* at the external interface: a hairpinned packet on its way back in */
	const struct frame *in;
	const struct frame *out;
	__u32 retval;
	__u32 packets; /* that the frame stands for: more than one for GSO */
	__u32 seen;    /* packets that were counted as seen at this hook, */
	__u32 counted; /* and as having had a fate */
	__u32 verdict; /* that fate, or one of them */
};

/* What became of the frame. */
enum laws_outcome {
	LAWS_GONE,
	LAWS_STAYED,   /* on to the next hook or the kernel as it came */
	LAWS_SENT_OUT, /* translated and redirected, out of the external interface */
	LAWS_SENT_IN,
	LAWS_TURNED, /* redirected into the external interface: hairpin */
	LAWS_GIVEN,  /* translated, and the kernel forwards it */
	LAWS_LEFT,   /* translated at egress */
	LAWS_ANSWERED,
	LAWS_OUTCOME_COUNT,
};

/* NULL, or the law that is broken. *ret_outcome is written in the first case only. */
const char *laws_judge(const struct laws_world *world, const struct laws_case *of,
		       enum laws_outcome *ret_outcome);

bool laws_is_hidden(const struct laws_world *world, __be32 addr);
bool laws_is_open(const struct laws_world *world, __be32 addr);
bool laws_is_own(const struct laws_world *world, __be32 addr);

#endif
