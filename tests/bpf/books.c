// SPDX-License-Identifier: GPL-2.0-only
/* Judges the books. */
#include "books.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* From start to end something is certain. */
struct span {
	__u64 start;
	__u64 end;
};

struct spans {
	struct span *list;
	size_t count;
};

/* One more or one less at this time. */
struct step {
	__u64 at;
	int change;
};

__u64 books_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
}

static void *allocate(size_t count, size_t size)
{
	void *list = calloc(count + 1, size);

	if (!list) {
		perror("books");
		exit(2);
	}
	return list;
}

static int compare_u64(__u64 one, __u64 other)
{
	return (one > other) - (one < other);
}

/* By EIP and port, then by time. Refused ones come first. */
static int compare_calls(const void *one, const void *other)
{
	const struct books_call *left = one, *right = other;

	if (left->eip != right->eip) {
		return left->eip < right->eip ? -1 : 1;
	}
	if (left->port != right->port) {
		return left->port < right->port ? -1 : 1;
	}
	return compare_u64(left->end, right->end);
}

static int compare_spans(const void *one, const void *other)
{
	const struct span *left = one, *right = other;

	return compare_u64(left->start, right->start);
}

/* Less before more at the same time: what is certain is less. */
static int compare_steps(const void *one, const void *other)
{
	const struct step *left = one, *right = other;
	int order = compare_u64(left->at, right->at);

	return order ? order : left->change - right->change;
}

/* ---- each port by itself ---- */

static void add_span(struct spans *spans, __u64 start, __u64 end)
{
	if (start < end) {
		spans->list[spans->count].start = start;
		spans->list[spans->count++].end = end;
	}
}

/* The calls of one port, from "at" on: when it was certainly free, and whether it was two's. */
static size_t judge_port(const struct books *books, size_t at, struct spans *free_spans,
			 struct books_result *result)
{
	const struct books_call *calls = books->calls, *first = &calls[at];
	__u64 owned_until = 0, free_from = 0;

	for (; at < books->count && calls[at].eip == first->eip && calls[at].port == first->port;
	     at++) {
		result->twice += calls[at].end < owned_until;
		add_span(free_spans, free_from, calls[at].begin);
		owned_until =
			calls[at].owned_until > owned_until ? calls[at].owned_until : owned_until;
		free_from = calls[at].free_from > free_from ? calls[at].free_from : free_from;
	}
	add_span(free_spans, free_from, BOOKS_NEVER);
	return at;
}

/* When ports were certainly free. */
static struct spans judge_ports(const struct books *books, struct books_result *result)
{
	struct spans spans = { allocate(books->count + (size_t)books->eips * books->ports +
						result->granted,
					sizeof(struct span)),
			       0 };
	size_t at = result->refused, used = 0;

	while (at < books->count) {
		__u32 port = books->calls[at].port;

		result->outside += port < books->first || port >= books->first + books->ports;
		at = judge_port(books, at, &spans, result);
		used++;
	}
	for (; used < (size_t)books->eips * books->ports; used++) {
		add_span(&spans, 0, BOOKS_NEVER);
	}
	return spans;
}

/* How many of the spans, which are in order, start before this time. */
static size_t spans_before(const struct spans *spans, __u64 at)
{
	size_t low = 0, high = spans->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (spans->list[middle].start < at) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* Refusals while one and the same port was free from before the call to after it. */
static void judge_refusals(const struct books *books, struct spans *spans,
			   struct books_result *result)
{
	__u64 latest = 0;

	qsort(spans->list, spans->count, sizeof(struct span), compare_spans);
	/* The latest end of all spans so far, in place. */
	for (size_t i = 0; i < spans->count; i++) {
		latest = spans->list[i].end > latest ? spans->list[i].end : latest;
		spans->list[i].end = latest;
	}
	for (size_t i = 0; i < result->refused; i++) {
		const struct books_call *call = &books->calls[i];
		size_t before = spans_before(spans, call->begin);

		result->unjust += before && spans->list[before - 1].end > call->end;
	}
}

/* ---- the number of sessions of one EIP ---- */

/* Sessions of the EIP: those that may have been there (most), or that certainly were. */
static struct step *steps_of(const struct books *books, __u32 eip, bool most, size_t *ret_count)
{
	struct step *steps = allocate(2 * books->count, sizeof(struct step));
	size_t count = 0;

	for (size_t i = 0; i < books->count; i++) {
		const struct books_call *call = &books->calls[i];
		__u64 from = most ? call->begin : call->end;
		__u64 to = most ? call->free_from : call->owned_until;

		if (call->port && call->eip == eip && from < to) {
			steps[count++] = (struct step){ from, 1 };
			steps[count++] = (struct step){ to, -1 };
		}
	}
	qsort(steps, count, sizeof(struct step), compare_steps);
	*ret_count = count;
	return steps;
}

static void judge_most(const struct books *books, __u32 eip, struct books_result *result)
{
	size_t count, sessions = 0;
	struct step *steps = steps_of(books, eip, false, &count);

	for (size_t i = 0; i < count; i++) {
		sessions += (size_t)(long)steps[i].change;
		result->too_many += steps[i].change > 0 && sessions > books->limit;
	}
	free(steps);
}

/* When the EIP may have been at its limit. */
static struct spans full_spans(const struct books *books, __u32 eip)
{
	size_t count, sessions = 0;
	struct step *steps = steps_of(books, eip, true, &count);
	struct spans spans = { allocate(count, sizeof(struct span)), 0 };

	for (size_t i = 0; i < count; i++) {
		sessions += (size_t)(long)steps[i].change;
		if (steps[i].change > 0 && sessions == books->limit) {
			spans.list[spans.count].start = steps[i].at;
			spans.list[spans.count++].end = BOOKS_NEVER;
		} else if (steps[i].change < 0 && sessions + 1 == books->limit) {
			spans.list[spans.count - 1].end = steps[i].at;
		}
	}
	free(steps);
	return spans;
}

/* Do any of the spans, which are in order and apart, meet the call? */
static bool meets(const struct spans *spans, const struct books_call *call)
{
	size_t before = spans_before(spans, call->end + 1);

	return before && spans->list[before - 1].end >= call->begin;
}

/* Refusals while an EIP was below its limit all the time. */
static void judge_limit(const struct books *books, __u32 eip, struct books_result *result)
{
	struct spans full = full_spans(books, eip);

	for (size_t i = 0; i < result->refused; i++) {
		result->unjust += !meets(&full, &books->calls[i]);
	}
	free(full.list);
}

struct books_result books_judge(struct books *books)
{
	struct books_result result = {};
	struct spans spans;

	for (size_t i = 0; i < books->count; i++) {
		result.refused += !books->calls[i].port;
	}
	result.granted = books->count - result.refused;
	qsort(books->calls, books->count, sizeof(struct books_call), compare_calls);
	spans = judge_ports(books, &result);
	if (books->limit == books->ports) {
		judge_refusals(books, &spans, &result);
	}
	for (__u32 eip = 0; eip < books->eips; eip++) {
		judge_most(books, eip, &result);
		if (books->limit < books->ports) {
			judge_limit(books, eip, &result);
		}
	}
	free(spans.list);
	return result;
}
