// SPDX-License-Identifier: GPL-2.0-only
/* What the sinks of the session log have taken and lost. */
#include "api_metrics_log.h"

#include "metrics_internal.h"
#include "session_log.h"

void api_metrics_log(const struct natgwd_state *state, FILE *stream)
{
	static const char records[] = "natgw_log_records_total";
	static const char lost[] = "natgw_log_lost_total";
	struct session_log_count counts[CONFIG_LOG_SINKS_MAX];
	const size_t count = session_log_counts(state->session_log, counts, CONFIG_LOG_SINKS_MAX);

	metrics_head(stream, records, "counter", "Records of the session log handed to a sink.");
	for (size_t i = 0; i < count; i++) {
		metrics_sample(stream, records, METRICS_LABELS({ "sink", counts[i].sink }),
			       counts[i].records);
	}
	metrics_head(stream, lost, "counter",
		     "Records of the session log lost: records and lost are all events.");
	for (size_t i = 0; i < count; i++) {
		metrics_sample(stream, lost, METRICS_LABELS({ "sink", counts[i].sink }),
			       counts[i].lost);
	}
}
