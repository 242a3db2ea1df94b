/* SPDX-License-Identifier: GPL-2.0-only */
/* What the api_page*.c share; nobody else includes this. */
#ifndef NATGW_USER_API_PAGE_INTERNAL_H
#define NATGW_USER_API_PAGE_INTERNAL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "api_metrics.h"
#include "snapshot.h"
#include "state.h"

/* Rows of a table that may have many. */
#define API_PAGE_ROWS 10
#define API_PAGE_EVENTS 20

/* What is shown: read once, so that all parts of the page tell of one moment. */
struct api_page {
	FILE *out;
	const struct natgwd_state *state;
	const struct api_metrics_peaks *samples;
	const struct top *top;
	const struct snapshot_eip *eips;
	size_t eip_count;
	const struct natgw_count *verdicts; /* NATGW_VERDICT_ROWS */
	struct natgw_active active[NATGW_GATEWAYS_MAX];
	uint64_t now_ns; /* monotonic clock */
};

/* ---- the files of user/page/, built in (api_page_files.c) ---- */

struct api_page_file {
	const char *start;
	const char *end;
};

extern const struct api_page_file api_page_html;
extern const struct api_page_file api_page_css;
extern const struct api_page_file api_page_js;

/* ---- text (api_page_text.c) ---- */

/* Escaped: whatever it says, it is text. */
void api_page_text(FILE *out, const char *text);
/* "1,234,567" */
void api_page_count(FILE *out, uint64_t value);
/* "1.23 GB" */
void api_page_bytes(FILE *out, uint64_t bytes);
/* "12.3 Mbit/s"; "1.20 k/s". As page.js writes them. */
void api_page_bits_rate(FILE *out, double bytes_per_second);
void api_page_rate(FILE *out, double per_second);
/* A rate of history; "-" while it is not known. */
void api_page_series(FILE *out, const struct history_rates *rates, enum history_series series);

/* ---- cells of a table: a <td> each ---- */

void api_page_cell(FILE *out, const char *text);
void api_page_cell_address(FILE *out, __be32 addr);
/* 0 is there, but quietly. */
void api_page_cell_count(FILE *out, uint64_t value);
void api_page_cell_bytes(FILE *out, uint64_t bytes);
void api_page_cell_series(FILE *out, const struct history_rates *rates, enum history_series series);
/* Two cells: a share as a number and as a bar; a warning from 60 %, an alarm from 80 % on. */
void api_page_cell_share(FILE *out, uint64_t part, uint64_t whole);
/* class: "good", "warn" or "bad". */
void api_page_cell_state(FILE *out, const char *state, const char *class);
/* A row that says that there are none. */
void api_page_no_rows(FILE *out, unsigned int columns, const char *text);

/* ---- parts (api_page_problems.c, api_page_tables.c, api_page_use.c, api_page_chart.c) ---- */

bool api_page_gateway_is_well(const struct api_page *page, unsigned int index);
void api_page_problems(const struct api_page *page);
/* How many there are. */
unsigned int api_page_problem_count(const struct api_page *page);
void api_page_gateways(const struct api_page *page);
void api_page_traffic(const struct api_page *page);
void api_page_eips(const struct api_page *page);
void api_page_interfaces(const struct api_page *page);

void api_page_destinations(const struct api_page *page);
void api_page_clients(const struct api_page *page);
void api_page_drops(const struct api_page *page);
void api_page_events(const struct api_page *page);

void api_page_charts(const struct api_page *page);

#endif
