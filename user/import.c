// SPDX-License-Identifier: GPL-2.0-only
/* Sessions taken over: from JSON to rows, row by row to the data path, verdicts counted. */
#include "import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api_answer.h"
#include "cleanup.h"
#include "import_parse.h"
#include "log.h"
#include "names.h"

/* The sessions are the caller's to free. -EINVAL: the answer is the refusal. */
static int parse_body(struct api_answer *answer, struct natgw_import **ret_sessions,
		      size_t *ret_count)
{
	json_error_t error;
	json_t *list = json_loadb(answer->request_body, answer->request_size, 0, &error);
	const size_t count = json_array_size(list);
	_cleanup_free_ struct natgw_import *sessions = calloc(count + 1, sizeof(*sessions));
	char why[IMPORT_PARSE_WHY_MAX] = "";
	char text[IMPORT_PARSE_WHY_MAX + 64] = "";
	int r = 0;

	if (!sessions) {
		json_decref(list);
		return -ENOMEM;
	}
	if (!json_is_array(list) || count > IMPORT_ROWS_MAX) {
		(void)snprintf(text, sizeof(text), "the body is an array of at most %d sessions",
			       IMPORT_ROWS_MAX);
		r = -EINVAL;
	}
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = import_parse(json_array_get(list, i), &sessions[i], why);
		if (r < 0) {
			(void)snprintf(text, sizeof(text), "session %zu: %s", i + 1, why);
		}
	}
	json_decref(list);
	if (r < 0) {
		(void)api_answer_fail(answer, HTTP_BADREQUEST, text);
		return r;
	}
	*ret_sessions = TAKE_PTR(sessions);
	*ret_count = count;
	return 0;
}

struct counts {
	uint64_t taken;
	uint64_t there;
	uint64_t refused[NATGW_VERDICT_COUNT];
};

static int take_over(struct datapath *dp, struct natgw_import *session, struct counts *counts)
{
	int r = datapath_import(dp, session);

	if (r < 0) {
		return r;
	}
	if (session->verdict == NATGW_OK) {
		counts->taken++;
	} else if (session->verdict == NATGW_DEFER_BUSY) {
		counts->there++;
	} else if (session->verdict < NATGW_VERDICT_COUNT) {
		counts->refused[session->verdict]++;
	} else {
		return -EPROTO;
	}
	return 0;
}

static json_t *counts_json(const struct counts *counts)
{
	json_t *refused = json_object();

	for (unsigned int i = 0; i < NATGW_VERDICT_COUNT; i++) {
		if (counts->refused[i]) {
			json_object_set_new(refused, names_verdict(i),
					    json_integer((json_int_t)counts->refused[i]));
		}
	}
	return json_pack("{s:I, s:I, s:o}", "taken", (json_int_t)counts->taken, "there",
			 (json_int_t)counts->there, "refused", refused);
}

int import_answer(struct api_answer *answer)
{
	struct natgwd_state *state = answer->context->state;
	_cleanup_free_ struct natgw_import *sessions = NULL;
	struct counts counts = {};
	size_t count = 0;
	int r = parse_body(answer, &sessions, &count);

	if (r < 0) {
		return r == -EINVAL ? 0 : r;
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = take_over(state->dp, &sessions[i], &counts);
	if (counts.taken) {
		log_info("took over %" PRIu64 " of %zu sessions", counts.taken, count);
		top_forget(&state->top);
	}
	return r < 0 ? r : api_answer_json(answer, counts_json(&counts));
}
