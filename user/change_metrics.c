// SPDX-License-Identifier: GPL-2.0-only
/* The metric of what an operator has blocked: the maps know. */
#include "change.h"

#include "metrics_internal.h"

void change_metrics(const struct natgwd_state *state, FILE *stream)
{
	metrics_head(stream, "natgw_gateway_blocked", "gauge",
		     "1 for a gateway that natgwctl block has blocked.");
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		const char *name = state->gateways[i].name;
		struct natgw_gateway row;

		if (config_find_gateway(state->config, name) &&
		    datapath_get_gateway(state->dp, i, &row) == 0) {
			metrics_sample(stream, "natgw_gateway_blocked",
				       METRICS_LABELS({ "gateway", name }),
				       row.flags & NATGW_GATEWAY_BLOCKED ? 1 : 0);
		}
	}
}
