// SPDX-License-Identifier: GPL-2.0-only
/* What the probe has found, as Prometheus text and as JSON. */
#include "probe_metrics.h"

#include "metrics_internal.h"
#include "probe.h"

void probe_metrics(const struct natgwd_state *state, FILE *stream)
{
	metrics_head(
		stream, "natgw_datapath_up", "gauge",
		"1 when the last probe says that a client's packet would be translated and leave.");
	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		const struct probe_gateway *gateway = probe_of(state->probe, i);

		if (gateway) {
			metrics_sample(stream, "natgw_datapath_up",
				       METRICS_LABELS({ "gateway", state->gateways[i].name }),
				       gateway->up);
		}
	}
	metrics_head(stream, "natgw_probe_failures_total", "counter",
		     "Probes of the data path that failed, by reason.");
	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		const struct probe_gateway *gateway = probe_of(state->probe, i);

		for (unsigned int reason = 0; gateway && reason < PROBE_REASON_COUNT; reason++) {
			metrics_sample(stream, "natgw_probe_failures_total",
				       METRICS_LABELS({ "gateway", state->gateways[i].name },
						      { "reason", probe_reason_name(reason) }),
				       probe_failures(state->probe, i, reason));
		}
	}
}

json_t *probe_json(const struct natgwd_state *state, unsigned int gateway)
{
	const struct probe_gateway *found = probe_of(state->probe, gateway);

	if (!found) {
		return json_null();
	}
	return json_pack("{s:b, s:s, s:s}", "up", found->up, "reason",
			 found->up ? "" : probe_reason_name(found->reason), "what", found->what);
}
