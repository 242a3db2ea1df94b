// SPDX-License-Identifier: GPL-2.0-only
/* The families of metrics about the life of gateways and EIPs. */
#include "lifecycle_internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "metrics_internal.h"
#include "names.h"

/* "tag_" and a name, and those that every gateway has. */
#define LABEL_MAX (CONFIG_NAME_MAX + 4)
#define LABELS_MAX (CONFIG_TAGS_MAX + 4)

static const char *const eip_states[] = {
	"assigning", "associating", "succeeded", "disassociating", "unassigning", "failed", "free"
};

static void write_state(const char *name, enum natgw_gateway_state is, FILE *stream)
{
	for (unsigned int state = NATGW_GATEWAY_PENDING; state <= NATGW_GATEWAY_DELETED; state++) {
		metrics_sample(stream, "natgw_gateway_state",
			       METRICS_LABELS({ "gateway", name },
					      { "state", names_gateway_state(state) }),
			       state == is);
	}
}

static bool has_row(const struct natgwd_state *state, const char *name)
{
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (strcmp(state->gateways[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

static void write_states(const struct natgwd_state *state, FILE *stream)
{
	metrics_head(stream, "natgw_gateway_state", "gauge", "1 for the state the gateway is in.");
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (state->gateways[i].name[0]) {
			write_state(state->gateways[i].name, state->gateways[i].state, stream);
		}
	}
	for (size_t i = 0; state->lifecycle && i < state->lifecycle->records.count; i++) {
		const struct lifecycle_record *record = &state->lifecycle->records.rows[i];

		if (!has_row(state, record->name)) {
			write_state(record->name, record->state, stream);
		}
	}
}

/* What is no letter or digit becomes "_". */
static void name_label(const char *tag, char ret_label[LABEL_MAX])
{
	snprintf(ret_label, LABEL_MAX, "tag_%s", tag);
	for (char *at = ret_label; *at; at++) {
		*at = isalnum((unsigned char)*at) ? *at : '_';
	}
}

static void write_info(const struct natgwd_state *state, uint32_t index, FILE *stream)
{
	const char *name = state->gateways[index].name;
	const struct config_gateway *config = config_find_gateway(state->config, name);
	struct metrics_label labels[LABELS_MAX] = { { "gateway", name } };
	char tags[CONFIG_TAGS_MAX][LABEL_MAX];
	char private_ip[INET_ADDRSTRLEN];
	struct natgw_gateway row = { .private_ip = 0 };
	unsigned int count = 1;

	(void)datapath_get_gateway(state->dp, index, &row);
	inet_ntop(AF_INET, &row.private_ip, private_ip, sizeof(private_ip));
	labels[count++] = (struct metrics_label){ "private_ip", private_ip };
	labels[count++] = (struct metrics_label){ "profile", config ? config->profile : "" };
	for (size_t i = 0; config && i < config->tag_count && i < CONFIG_TAGS_MAX; i++) {
		name_label(config->tags[i].name, tags[i]);
		labels[count++] = (struct metrics_label){ tags[i], config->tags[i].value };
	}
	labels[count] = (struct metrics_label){ NULL, NULL };
	metrics_sample(stream, "natgw_gateway_info", labels, 1);
}

static int write_eip(const struct lifecycle_eip_row *row, void *arg)
{
	char eip[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &row->addr, eip, sizeof(eip));
	for (size_t i = 0; i < sizeof(eip_states) / sizeof(eip_states[0]); i++) {
		metrics_sample(arg, "natgw_eip_state",
			       METRICS_LABELS({ "gateway", row->gateway }, { "eip", eip },
					      { "state", eip_states[i] }),
			       strcmp(row->state, eip_states[i]) == 0);
	}
	return 0;
}

static void write_drift(const struct natgwd_state *state, FILE *stream)
{
	metrics_head(stream, "natgw_drift", "gauge",
		     "1 while somebody has changed this under natgw at the interface.");
	for (unsigned int i = 0; state->lifecycle && i < state->iface_count; i++) {
		for (unsigned int kind = 0; kind < LIFECYCLE_DRIFT_KINDS; kind++) {
			metrics_sample(stream, "natgw_drift",
				       METRICS_LABELS({ "kind", lifecycle_drift_name(kind) },
						      { "interface", state->ifaces[i].name }),
				       state->lifecycle->drift[i].is[kind]);
		}
	}
}

void lifecycle_metrics(const struct natgwd_state *state, FILE *stream)
{
	write_states(state, stream);
	metrics_head(stream, "natgw_gateway_info", "gauge",
		     "Always 1; the labels tell the gateway and its tags.");
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (state->gateways[i].name[0]) {
			write_info(state, i, stream);
		}
	}
	metrics_head(stream, "natgw_eip_state", "gauge", "1 for the state the EIP is in.");
	(void)lifecycle_each_eip(state, write_eip, stream);
	write_drift(state, stream);
}
