// SPDX-License-Identifier: GPL-2.0-only
/* The parts that tell what there is and what state it is in. Not what is wrong
 * (api_page_problems.c). */
#include <arpa/inet.h>
#include <string.h>

#include "api_page_internal.h"
#include "names.h"
#include "peaks.h"

/* ---- gateways ---- */

static size_t count_eips(const struct api_page *page, unsigned int gateway)
{
	size_t count = 0;

	for (size_t i = 0; i < page->eip_count; i++)
		count += page->eips[i].gateway == gateway;
	return count;
}

static void write_gateway_state(const struct api_page *page, unsigned int index,
				const struct natgw_gateway *row)
{
	const char *state = names_gateway_state(page->state->gateways[index].state);
	char text[64];

	snprintf(text, sizeof(text), "%s%s", state,
		 row->flags & NATGW_GATEWAY_BLOCKED ? ", blocked" : "");
	api_page_cell_state(page->out, text,
			    api_page_gateway_is_well(page, index) ? "good" : "bad");
}

static void write_gateway(const struct api_page *page, unsigned int index)
{
	const struct gateway_status *status = &page->state->gateways[index];
	const struct config_gateway *config =
		config_find_gateway(page->state->config, status->name);
	const struct natgw_active *active = &page->active[index];
	const struct history_rates *rates = &page->samples->meters[index].now;
	struct natgw_gateway row = {};
	struct natgw_gateway_use use = {};
	uint64_t held = 0;

	datapath_get_gateway(page->state->dp, index, &row);
	datapath_read_gateway_use(page->state->dp, index, &use);
	fputs("<tr><th scope=\"row\">", page->out);
	api_page_text(page->out, status->name);
	fputs("</th>", page->out);
	write_gateway_state(page, index, &row);
	api_page_cell_address(page->out, row.private_ip);
	api_page_cell(page->out, config ? config->profile : "-");
	api_page_cell_count(page->out, count_eips(page, index));
	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		api_page_cell_count(page->out, active->opening[proto] + active->established[proto]);
		held += active->held[proto];
	}
	api_page_cell_count(page->out, held);
	api_page_cell_count(page->out, use.clients);
	api_page_cell_series(page->out, rates, HISTORY_BYTES_OUT);
	api_page_cell_series(page->out, rates, HISTORY_BYTES_IN);
	fputs("</tr>\n", page->out);
}

static bool has_gateway(const struct natgwd_state *state)
{
	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (state->gateways[i].name[0]) {
			return true;
		}
	}
	return false;
}

void api_page_gateways(const struct api_page *page)
{
	if (!has_gateway(page->state)) {
		api_page_no_rows(page->out, 12, "No gateway is configured.");
	}
	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (page->state->gateways[i].name[0]) {
			write_gateway(page, i);
		}
	}
}

/* ---- traffic ---- */

static void write_both(FILE *out, const struct natgw_count *count)
{
	fprintf(out, "<td class=\"n%s\" title=\"%llu bytes\">", count->packets ? "" : " zero",
		(unsigned long long)count->bytes);
	api_page_bytes(out, count->bytes);
	fputs("<br><small>", out);
	api_page_count(out, count->packets);
	fputs(" packets</small></td>", out);
}

static void write_traffic(const struct api_page *page, unsigned int index)
{
	struct natgw_traffic traffic = {};

	datapath_read_traffic(page->state->dp, index, &traffic);
	fputs("<tr><th scope=\"row\">", page->out);
	api_page_text(page->out, page->state->gateways[index].name);
	fputs("</th>", page->out);
	write_both(page->out, &traffic.in_from_source);
	write_both(page->out, &traffic.out_to_destination);
	write_both(page->out, &traffic.in_from_destination);
	write_both(page->out, &traffic.out_to_source);
	fputs("<td class=\"n\">", page->out);
	api_page_bits_rate(page->out, (double)peaks_highest(&page->samples->bytes[index]));
	fputs("<br><small>", page->out);
	api_page_rate(page->out, (double)peaks_highest(&page->samples->packets[index]));
	fputs(" packets</small></td></tr>\n", page->out);
}

void api_page_traffic(const struct api_page *page)
{
	if (!has_gateway(page->state)) {
		api_page_no_rows(page->out, 6, "No gateway is configured.");
	}
	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (page->state->gateways[i].name[0]) {
			write_traffic(page, i);
		}
	}
}

/* ---- EIPs ---- */

static void write_eip(const struct api_page *page, const struct snapshot_eip *eip)
{
	struct natgw_gateway row = {};
	char text[INET_ADDRSTRLEN];
	uint64_t held = 0;

	datapath_get_gateway(page->state->dp, eip->gateway, &row);
	fprintf(page->out, "<tr><th scope=\"row\">%s</th>",
		inet_ntop(AF_INET, &eip->addr, text, sizeof(text)));
	api_page_cell(page->out, snapshot_gateway_name(page->state, eip->gateway));
	api_page_cell_state(page->out, eip->draining ? "disassociating" : "succeeded",
			    eip->draining ? "warn" : "good");
	api_page_cell_count(page->out, row.port_count);
	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		api_page_cell_share(page->out, eip->ports_in_use[proto], row.port_count);
		for (unsigned int hold = 0; hold < NATGW_HOLD_COUNT; hold++)
			held += eip->ports_held[proto].held[hold];
	}
	api_page_cell_count(page->out, held);
	fputs("</tr>\n", page->out);
}

static uint64_t ports_of(const struct snapshot_eip *eip)
{
	uint64_t ports = 0;

	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++)
		ports += eip->ports_in_use[proto];
	return ports;
}

/* A gateway may have hundreds: more than some are shown only while they are in use. */
void api_page_eips(const struct api_page *page)
{
	size_t left_out = 0;

	if (page->eip_count == 0) {
		api_page_no_rows(page->out, 11, "No gateway has an EIP.");
	}
	for (size_t i = 0; i < page->eip_count; i++) {
		if (i < API_PAGE_ROWS || ports_of(&page->eips[i]) > 0) {
			write_eip(page, &page->eips[i]);
		} else {
			left_out++;
		}
	}
	if (left_out > 0) {
		char text[64];

		snprintf(text, sizeof(text), "and %zu more without a session", left_out);
		api_page_no_rows(page->out, 11, text);
	}
}

/* ---- interfaces ---- */

static const char *side_of(const struct iface_state *iface)
{
	switch (iface->flags & (NATGW_IFACE_EXTERNAL | NATGW_IFACE_INTERNAL)) {
	case NATGW_IFACE_EXTERNAL:
		return "external";
	case NATGW_IFACE_INTERNAL:
		return "internal";
	default:
		return "both";
	}
}

static const char *attach_text(enum iface_attach attach)
{
	switch (attach) {
	case IFACE_ATTACH_XDP_NATIVE:
		return "XDP, native";
	case IFACE_ATTACH_XDP_GENERIC:
		return "XDP, generic";
	case IFACE_ATTACH_XDP_SHARED:
		return "XDP, shared";
	case IFACE_ATTACH_TC:
		return "tc";
	case IFACE_ATTACH_NONE:
		break;
	}
	return "not attached";
}

void api_page_interfaces(const struct api_page *page)
{
	for (unsigned int i = 0; i < page->state->iface_count; i++) {
		const struct iface_state *iface = &page->state->ifaces[i];

		fputs("<tr><th scope=\"row\">", page->out);
		api_page_text(page->out, iface->name);
		fputs("</th>", page->out);
		api_page_cell(page->out, side_of(iface));
		api_page_cell_state(page->out, iface->up ? "up" : "down",
				    iface->up ? "good" : "bad");
		api_page_cell(page->out, attach_text(iface->attach));
		api_page_cell_count(page->out, iface->mtu);
		fputs("<td class=\"text\">", page->out);
		api_page_text(page->out, iface->attach_reason);
		fputs("</td></tr>\n", page->out);
	}
}
