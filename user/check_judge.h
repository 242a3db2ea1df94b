/* SPDX-License-Identifier: GPL-2.0-only */
/* What the check_judge*.c share; nobody else includes this. */
#ifndef NATGW_USER_CHECK_JUDGE_H
#define NATGW_USER_CHECK_JUDGE_H

#include "check_internal.h"

void check_say(struct check_item *item, enum check_outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* What to change. */
void check_advise(struct check_item *item, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void check_judge_way_out(const struct check_facts *facts, struct check_item *item);
void check_judge_route(const struct check_facts *facts, struct check_item *item);
void check_judge_diverted(const struct check_facts *facts, struct check_item *item);
void check_judge_refused(const struct check_facts *facts, struct check_item *item);
void check_judge_target(const struct check_facts *facts, struct check_item *item);

#endif
