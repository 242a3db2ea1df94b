// SPDX-License-Identifier: GPL-2.0-only
/* What became of clients that asked too slowly or read too slowly (api_limit.c, api_stream.c). */
#include "api_metrics_clients.h"

#include "keep.h"
#include "metrics_internal.h"
#include "state.h"

void api_metrics_clients(const struct natgwd_state *state, FILE *stream)
{
	metrics_single(stream, "natgw_api_clients_ended_total", "counter",
		       "Connections to the API that had to go for newer ones.",
		       *keep_counter(state->keep, KEEP_API_CLIENTS_ENDED));
	metrics_single(stream, "natgw_api_streams_cut_total", "counter",
		       "Answers of the API that were cut off: their readers were too slow.",
		       *keep_counter(state->keep, KEEP_API_STREAMS_CUT));
}
