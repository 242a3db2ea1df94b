// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the packet catalogue through every program that stands where its packets come by.
 *   test_catalogue [ID...]       these rows, or those whose ids begin so; all without. Those with
 *                                sessions twice: fresh from the table, and after packets of theirs
 *   test_catalogue --page        prints docs/packet-fates.md
 *   test_catalogue --json        prints the packets in hex
 */
#include "catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct bench *bench;

/* Runs with warm rows that went the short way; so many the catalogue has at the least. */
#define SHORTS_MIN 90
static unsigned int shorts;

static void test_row(void **state)
{
	path_test(bench, *(const struct path_case **)*state);
}

/*
 * Rows whose sessions are never warm: the configuration refuses their packets, and whoever makes it
 * so raises the generation, so that no row speaks for itself any more.
 */
static const char *const never_warm[] = {
	"L07", /* the access list denies the client, whose session is older */
	"T03", /* the gateway's own table leads nowhere */
};

static bool may_be_warm(const struct path_case *row)
{
	for (size_t i = 0; i < sizeof(never_warm) / sizeof(never_warm[0]); i++) {
		if (strcmp(row->id, never_warm[i]) == 0) {
			return false;
		}
	}
	return path_has_sessions(row);
}

static void test_warm_row(void **state)
{
	shorts += path_test_warm(bench, *(const struct path_case **)*state);
}

/* ---- the catalogue itself ---- */

#define PAGE "docs/packet-fates.md"
#define PAGE_MAX (1 << 20)

/* NULL, or the first id that stands twice. */
static const char *first_double(void)
{
	size_t count;
	const struct path_case *const *rows = catalogue_rows(&count);

	for (size_t i = 1; i < count; i++) {
		if (strcmp(rows[i - 1]->id, rows[i]->id) == 0) {
			return rows[i]->id;
		}
	}
	return NULL;
}

static void test_ids_are_unique(void **state)
{
	const char *twice = first_double();

	(void)state;
	if (twice) {
		fail_msg("%s stands twice", twice);
	}
}

/* The page shows the table as it is now. */
static void test_page_is_made_of_this_table(void **state)
{
	char *page = calloc(1, PAGE_MAX), *made = NULL;
	FILE *file = fopen(PAGE, "re");
	size_t len = 0;

	(void)state;
	assert_non_null(page);
	if (!file) {
		fail_msg("%s cannot be read; run this from the root of the tree", PAGE);
	}
	assert_true(fread(page, 1, PAGE_MAX - 1, file) > 0);
	fclose(file);
	file = open_memstream(&made, &len);
	assert_non_null(file);
	catalogue_print_page(file);
	fclose(file);
	if (strcmp(page, made) != 0) {
		fail_msg("%s is not what the table says: make fates", PAGE);
	}
	free(page);
	free(made);
}

/* Each run has been judged; this is that there were enough of them. */
static void test_many_went_the_short_way(void **state)
{
	(void)state;
	print_message("%u runs went the short way\n", shorts);
	assert_true(shorts >= SHORTS_MIN);
}

static int run_self_tests(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids_are_unique),
		cmocka_unit_test(test_page_is_made_of_this_table),
		cmocka_unit_test(test_many_went_the_short_way),
	};

	return cmocka_run_group_tests_name("catalogue, itself", tests, NULL, NULL);
}

static bool is_asked_for(const char *id, char *const *asked)
{
	if (!*asked) {
		return true;
	}
	for (; *asked; asked++) {
		if (strncmp(id, *asked, strlen(*asked)) == 0) {
			return true;
		}
	}
	return false;
}

/* What there is to run: every row once or twice. */
struct plan {
	struct CMUnitTest *tests;
	char (*names)[120];
	size_t count;
};

static void plan_row(struct plan *plan, const struct path_case *const *row, bool warm)
{
	struct CMUnitTest *test = &plan->tests[plan->count];
	char *name = plan->names[plan->count++];

	snprintf(name, sizeof(plan->names[0]), "%s %s%s", (*row)->id, (*row)->name,
		 warm ? ", warm" : "");
	test->name = name;
	test->test_func = warm ? test_warm_row : test_row;
	test->initial_state = (void *)(uintptr_t)row;
}

static int run(char *const *asked)
{
	size_t count;
	const struct path_case *const *rows = catalogue_rows(&count);
	struct plan plan = { calloc(2 * count, sizeof(*plan.tests)),
			     calloc(2 * count, sizeof(*plan.names)), 0 };
	int failed;

	if (!plan.tests || !plan.names) {
		return 1;
	}
	for (size_t i = 0; i < count; i++) {
		if (!is_asked_for(rows[i]->id, asked)) {
			continue;
		}
		plan_row(&plan, &rows[i], false);
		if (may_be_warm(rows[i])) {
			plan_row(&plan, &rows[i], true);
		}
	}
	bench = bench_open(1024);
	failed = _cmocka_run_group_tests("catalogue", plan.tests, plan.count, NULL, NULL);
	bench_close(bench);
	free(plan.tests);
	free(plan.names);
	return failed;
}

int main(int argc, char **argv)
{
	int failed;

	if (argc == 2 && strcmp(argv[1], "--page") == 0) {
		catalogue_print_page(stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--json") == 0) {
		catalogue_print_json(stdout);
		return 0;
	}
	failed = run(argv + 1);
	return argc == 1 ? failed + run_self_tests() : failed;
}
