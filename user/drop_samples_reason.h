/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of reasons for a drop, as settings.sample has them: a bit for each verdict. Pure. */
#ifndef NATGW_USER_DROP_SAMPLES_REASON_H
#define NATGW_USER_DROP_SAMPLES_REASON_H

#include <stdbool.h>
#include <stdint.h>

#define DROP_SAMPLES_REASON_WORDS 3

/* Labels with commas between them. -EINVAL: there is none, or one that is no drop's. */
int drop_samples_reason_parse(const char *reasons, uint32_t ret_bits[DROP_SAMPLES_REASON_WORDS]);
void drop_samples_reason_all(uint32_t bits[DROP_SAMPLES_REASON_WORDS]);
bool drop_samples_reason_has(const uint32_t bits[DROP_SAMPLES_REASON_WORDS], unsigned int verdict);

#endif
