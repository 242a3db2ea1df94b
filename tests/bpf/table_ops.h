/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations on a session table that table_ops.bpf.c performs, and what came of them. */
#ifndef NATGW_TESTS_BPF_TABLE_OPS_H
#define NATGW_TESTS_BPF_TABLE_OPS_H

#include "../unit/table_keys.h"

enum table_op_kind {
	TABLE_OP_INSERT,
	TABLE_OP_FIND,
	TABLE_OP_REMOVE,
	TABLE_OP_TAKE_OVER,
	TABLE_OP_KINDS
};

struct table_op {
	__u32 kind;
	__u32 number; /* of the key */
	__u64 word;   /* insert, take over: the new one */
	__u64 found;  /* the word before; 0: no row */
	__s32 error;  /* of insert; of the others: 1 when the row was not as it should be */
	__u32 tries;
};
_Static_assert(sizeof(struct table_op) == 32, "operation");

/* That one run performs, for each of two threads; the first byte of the packet says which. */
#define TABLE_OPS 4096

#endif
