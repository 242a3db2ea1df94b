/* SPDX-License-Identifier: GPL-2.0-only */
/* What operators ask of the programs (natgw_operate.h), on the bench. A failure ends the test. */
#ifndef NATGW_TESTS_BPF_OPERATE_H
#define NATGW_TESTS_BPF_OPERATE_H

#include "harness.h"

/* Takes the records out of the ring buffer: how many there were; the first "max" go out. */
__u32 operate_log(const struct bench *bench, struct natgw_log_record *ret_records, __u32 max);
__u32 operate_samples(const struct bench *bench, struct natgw_sample *ret_samples, __u32 max);
/* Which drops are sampled: this verdict's, or none (NATGW_OK). */
void operate_sample(struct bench *bench, __u32 verdict);

/* Fills in what was matched and killed. */
void operate_kill(const struct bench *bench, struct natgw_kill *kill);
/* Fills in the verdict. */
void operate_import(const struct bench *bench, struct natgw_import *import);
/* The dry run on a frame that comes in by this interface. */
struct natgw_check_result operate_check(const struct bench *bench, const struct frame *in,
					__u32 ifindex);

#endif
