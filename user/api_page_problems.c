// SPDX-License-Identifier: GPL-2.0-only
/* What is wrong at this moment, in words: the first thing that somebody on call has to see. */
#include <string.h>

#include "api_page_internal.h"
#include "lifecycle.h"
#include "names.h"
#include "probe.h"

/* ---- gateways ---- */

/* NULL: the probe gets through, or there has been none. */
static const char *probe_problem(const struct api_page *page, unsigned int index)
{
	const struct probe_gateway *probe =
		page->state->probe ? probe_of(page->state->probe, index) : NULL;

	return probe && probe->known && !probe->up ? probe->what : NULL;
}

static bool is_blocked(const struct api_page *page, unsigned int index)
{
	struct natgw_gateway row = {};

	return datapath_get_gateway(page->state->dp, index, &row) == 0 &&
	       row.flags & NATGW_GATEWAY_BLOCKED;
}

/* A deleted one is as the config wants it. */
bool api_page_gateway_is_well(const struct api_page *page, unsigned int index)
{
	const struct gateway_status *status = &page->state->gateways[index];

	if (status->state == NATGW_GATEWAY_DELETED || status->state == NATGW_GATEWAY_DELETING) {
		return true;
	}
	return status->state == NATGW_GATEWAY_AVAILABLE && !status->reason[0] &&
	       !is_blocked(page, index) && !probe_problem(page, index);
}

static void write_reason(const struct api_page *page, const char *reason)
{
	if (reason && reason[0]) {
		fputs(": ", page->out);
		api_page_text(page->out, reason);
	}
}

static void write_gateway(const struct api_page *page, unsigned int index)
{
	const struct gateway_status *status = &page->state->gateways[index];

	fputs("<li>Gateway ", page->out);
	api_page_text(page->out, status->name);
	fprintf(page->out, " is <b>%s</b>", names_gateway_state(status->state));
	write_reason(page, status->reason);
	if (is_blocked(page, index)) {
		fputs("; it is <b>blocked</b> by command and drops everything", page->out);
	}
	if (probe_problem(page, index)) {
		fputs("; the <b>probe</b> of its data path fails", page->out);
		write_reason(page, probe_problem(page, index));
	}
	fputs("</li>\n", page->out);
}

/* ---- gateways that have no row in the maps ---- */

struct records {
	const struct api_page *page;
	unsigned int count;
	bool write;
};

static bool has_row(const struct natgwd_state *state, const char *name)
{
	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (strcmp(state->gateways[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

static int look_at_record(const struct lifecycle_record *record, void *arg)
{
	struct records *records = arg;

	if (record->state != NATGW_GATEWAY_FAILED || has_row(records->page->state, record->name)) {
		return 0;
	}
	records->count++;
	if (records->write) {
		fputs("<li>Gateway ", records->page->out);
		api_page_text(records->page->out, record->name);
		fputs(" has <b>failed</b>", records->page->out);
		write_reason(records->page, record->failure.message);
		fputs("</li>\n", records->page->out);
	}
	return 0;
}

static unsigned int each_record(const struct api_page *page, bool write)
{
	struct records records = { .page = page, .write = write };

	if (page->state->lifecycle) {
		(void)lifecycle_each_record(page->state, look_at_record, &records);
	}
	return records.count;
}

/* ---- interfaces ---- */

static const char *iface_problem(const struct iface_state *iface)
{
	if (!iface->ifindex) {
		return "is not there";
	}
	if (iface->attach == IFACE_ATTACH_NONE) {
		return "has no program attached";
	}
	return iface->up ? NULL : "is down";
}

/* ---- all ---- */

unsigned int api_page_problem_count(const struct api_page *page)
{
	unsigned int count = each_record(page, false);

	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++)
		count += page->state->gateways[i].name[0] && !api_page_gateway_is_well(page, i);
	for (unsigned int i = 0; i < page->state->iface_count; i++)
		count += iface_problem(&page->state->ifaces[i]) != NULL;
	return count;
}

void api_page_problems(const struct api_page *page)
{
	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (page->state->gateways[i].name[0] && !api_page_gateway_is_well(page, i)) {
			write_gateway(page, i);
		}
	}
	(void)each_record(page, true);
	for (unsigned int i = 0; i < page->state->iface_count; i++) {
		const struct iface_state *iface = &page->state->ifaces[i];

		if (iface_problem(iface)) {
			fputs("<li>Interface ", page->out);
			api_page_text(page->out, iface->name);
			fprintf(page->out, " <b>%s</b></li>\n", iface_problem(iface));
		}
	}
}
