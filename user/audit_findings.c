// SPDX-License-Identifier: GPL-2.0-only
/* Findings: collected in one look, compared with those of the look before. */
#include "audit_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int audit_findings_add(struct audit_findings *findings, const struct audit_finding *finding)
{
	if (findings->count == findings->room) {
		size_t room = findings->room ? 2 * findings->room : 64;
		struct audit_finding *list = reallocarray(findings->list, room, sizeof(*list));

		if (!list) {
			return -ENOMEM;
		}
		findings->list = list;
		findings->room = room;
	}
	findings->list[findings->count++] = *finding;
	return 0;
}

static int compare_numbers(uint32_t one, uint32_t other)
{
	return (one > other) - (one < other);
}

/* By what makes them the same finding: not by the numbers that they tell. */
static int compare(const void *one, const void *other)
{
	const struct audit_finding *left = one, *right = other;
	int order = compare_numbers(audit_text_rule(left), audit_text_rule(right));

	if (!order) {
		order = compare_numbers(left->kind, right->kind);
	}
	if (!order) {
		order = memcmp(left->key, right->key, sizeof(left->key));
	}
	if (!order) {
		order = compare_numbers(left->generation, right->generation);
	}
	return order ? order : compare_numbers(left->number, right->number);
}

void audit_findings_sort(struct audit_findings *findings)
{
	if (findings->count) {
		qsort(findings->list, findings->count, sizeof(*findings->list), compare);
	}
}

void audit_findings_keep(struct audit_findings *now, struct audit_findings *before)
{
	size_t kept = 0, at = 0;

	audit_findings_sort(now);
	audit_findings_sort(before);
	for (size_t i = 0; i < now->count; i++) {
		while (at < before->count && compare(&before->list[at], &now->list[i]) < 0) {
			at++;
		}
		if (at < before->count && compare(&before->list[at], &now->list[i]) == 0) {
			now->list[kept++] = now->list[i];
		}
	}
	now->count = kept;
}

void audit_findings_free(struct audit_findings *findings)
{
	free(findings->list);
	*findings = (struct audit_findings){ 0 };
}
