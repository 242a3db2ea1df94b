// SPDX-License-Identifier: GPL-2.0-only
/* The parts that tell who uses the ports, and what did not get through. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "api_page_internal.h"
#include "events.h"
#include "names.h"
#include "top.h"

static void write_endpoint(FILE *out, __be32 addr, __be16 port, unsigned int proto)
{
	char text[INET_ADDRSTRLEN];

	fputs(inet_ntop(AF_INET, &addr, text, sizeof(text)), out);
	if (proto != IPPROTO_ICMP) {
		fprintf(out, ":%u", ntohs(port));
	}
	fprintf(out, " <small>%s</small>", names_ip_proto(proto));
}

/* ---- destinations ---- */

static void write_destination(const struct api_page *page,
			      const struct top_destination *destination)
{
	const struct natgw_destination_key *key = &destination->key;
	const struct natgw_destination_record *record = top_find_record(page->top, key);
	struct natgw_gateway row = {};

	datapath_get_gateway(page->state->dp, key->gateway, &row);
	fputs("<tr><th scope=\"row\">", page->out);
	write_endpoint(page->out, key->rem_addr, key->rem_port, key->proto);
	fputs("</th>", page->out);
	api_page_cell_address(page->out, key->ext_addr);
	api_page_cell_share(page->out, (uint64_t)destination->used + destination->held,
			    row.destination_ports);
	api_page_cell_count(page->out, destination->used);
	api_page_cell_count(page->out, destination->held);
	api_page_cell_count(page->out, destination->client_count);
	api_page_cell_count(page->out, record ? record->errors : 0);
	fputs("</tr>\n", page->out);
}

void api_page_destinations(const struct api_page *page)
{
	const struct top_destination *best[API_PAGE_ROWS];
	const size_t count = top_destinations(page->top, best, API_PAGE_ROWS);

	if (count == 0) {
		api_page_no_rows(page->out, 8, "No sessions.");
	}
	for (size_t i = 0; i < count; i++)
		write_destination(page, best[i]);
}

/* ---- clients ---- */

static uint64_t errors_of(const struct top_client *client)
{
	uint64_t errors = 0;

	for (unsigned int error = 0; error < NATGW_ALLOC_ERROR_COUNT; error++)
		errors += client->errors[error];
	return errors;
}

static void write_client(const struct api_page *page, const struct top_client *client)
{
	char text[INET_ADDRSTRLEN];

	fprintf(page->out, "<tr><th scope=\"row\">%s</th>",
		inet_ntop(AF_INET, &client->key.addr, text, sizeof(text)));
	api_page_cell(page->out, snapshot_gateway_name(page->state, client->key.gateway));
	api_page_cell_count(page->out, client->sessions);
	api_page_cell_count(page->out, client->opening);
	api_page_cell_count(page->out, client->held);
	api_page_cell_count(page->out, client->destinations);
	api_page_cell_bytes(page->out, client->bytes_out);
	api_page_cell_bytes(page->out, client->bytes_in);
	api_page_cell_count(page->out, errors_of(client));
	fputs("</tr>\n", page->out);
}

void api_page_clients(const struct api_page *page)
{
	const struct top_client *best[API_PAGE_ROWS];
	const size_t count = top_clients(page->top, 0, best, API_PAGE_ROWS);

	if (count == 0) {
		api_page_no_rows(page->out, 9, "No client has a session.");
	}
	for (size_t i = 0; i < count; i++)
		write_client(page, best[i]);
}

/* ---- drops ---- */

struct drop {
	unsigned int verdict;
	struct natgw_count all;
	uint64_t packets[NATGW_DIRECTION_COUNT];
};

static int compare_drops(const void *left, const void *right)
{
	const struct drop *a = left;
	const struct drop *b = right;

	if (a->all.packets != b->all.packets) {
		return a->all.packets > b->all.packets ? -1 : 1;
	}
	return (int)a->verdict - (int)b->verdict;
}

/* Those that are not zero, most packets first; ret_drops has NATGW_VERDICT_SLOTS elements. */
static size_t add_drops(const struct natgw_count *verdicts, struct drop *ret_drops)
{
	size_t kept = 0;

	for (unsigned int i = 0; i < NATGW_VERDICT_SLOTS; i++)
		ret_drops[i] = (struct drop){ .verdict = i };
	for (unsigned int row = 0; row < NATGW_VERDICT_ROWS; row++) {
		struct drop *drop = &ret_drops[row % NATGW_VERDICT_SLOTS];

		drop->all.packets += verdicts[row].packets;
		drop->all.bytes += verdicts[row].bytes;
		drop->packets[row / NATGW_VERDICT_SLOTS % NATGW_DIRECTION_COUNT] +=
			verdicts[row].packets;
	}
	for (unsigned int i = 0; i < NATGW_VERDICT_COUNT; i++) {
		if (names_verdict_class(i) == NATGW_CLASS_DROP && ret_drops[i].all.packets) {
			ret_drops[kept++] = ret_drops[i];
		}
	}
	qsort(ret_drops, kept, sizeof(*ret_drops), compare_drops);
	return kept;
}

void api_page_drops(const struct api_page *page)
{
	struct drop drops[NATGW_VERDICT_SLOTS];
	const size_t count = add_drops(page->verdicts, drops);

	if (count == 0) {
		api_page_no_rows(page->out, 6, "Nothing was dropped.");
	}
	for (size_t i = 0; i < count; i++) {
		fputs("<tr><th scope=\"row\">", page->out);
		api_page_text(page->out, names_verdict(drops[i].verdict));
		fputs("</th>", page->out);
		api_page_cell_count(page->out, drops[i].all.packets);
		api_page_cell_bytes(page->out, drops[i].all.bytes);
		api_page_cell_count(page->out, drops[i].packets[NATGW_OUTBOUND]);
		api_page_cell_count(page->out, drops[i].packets[NATGW_INBOUND]);
		fputs("<td class=\"text\">", page->out);
		api_page_text(page->out, names_verdict_text(drops[i].verdict));
		fputs("</td></tr>\n", page->out);
	}
}

/* ---- events ---- */

static void write_event(const struct api_page *page, const struct events_entry *entry)
{
	const struct natgw_event *event = &entry->event;
	char time[EVENTS_TIME_MAX];

	events_time(&entry->at, time);
	/* "2026-01-31T12:34:56.789Z", without what nobody reads */
	time[strcspn(time, ".")] = '\0';
	time[strcspn(time, "T")] = '\0';
	fprintf(page->out, "<tr><td><span class=\"day\">%s </span>%s</td><th scope=\"row\">", time,
		time + strlen(time) + 1);
	api_page_text(page->out, names_verdict(event->verdict));
	fputs("</th><td>", page->out);
	write_endpoint(page->out, event->client, event->client_port, event->proto);
	fputs("</td><td>", page->out);
	write_endpoint(page->out, event->rem_addr, event->rem_port, event->proto);
	fputs("</td>", page->out);
	api_page_cell_address(page->out, event->ext_addr);
	api_page_cell_count(page->out, event->used);
	api_page_cell_count(page->out, event->held);
	api_page_cell_count(page->out, event->limit);
	fputs("</tr>\n", page->out);
}

void api_page_events(const struct api_page *page)
{
	const struct events_log *log =
		page->state->events ? events_kept(page->state->events) : NULL;
	const size_t count = log ? log->count : 0;

	if (count == 0) {
		api_page_no_rows(page->out, 8, "No session was refused since natgwd started.");
	}
	for (size_t i = count; i > 0 && count - i < API_PAGE_EVENTS; i--)
		write_event(page, events_at(log, i - 1));
}
