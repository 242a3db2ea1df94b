// SPDX-License-Identifier: GPL-2.0-only
/* The end of sessions by request: from a query to one pass of the data path over its table. */
#include "api_kill.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "api_filter.h"
#include "log.h"
#include "top.h"

struct wish {
	bool all;
	bool dry_run;
};

static int take_switch(const char *key, const char *value, bool *ret_on, char *why)
{
	if (strcmp(value, "1") != 0 && strcmp(value, "0") != 0) {
		(void)snprintf(why, SESSION_FILTER_WHY_MAX, "%s is 0 or 1, not \"%.40s\"", key,
			       value);
		return -EINVAL;
	}
	*ret_on = value[0] == '1';
	return 0;
}

static int take_key(const char *key, const char *value, void *arg, char *why)
{
	struct wish *wish = arg;

	if (strcmp(key, "all") == 0) {
		return take_switch(key, value, &wish->all, why);
	}
	if (strcmp(key, "dry_run") == 0) {
		return take_switch(key, value, &wish->dry_run, why);
	}
	return -ENOENT;
}

int api_kill_answer(struct api_answer *answer)
{
	struct natgwd_state *state = answer->context->state;
	struct natgw_kill kill = {};
	struct wish wish = {};

	if (api_filter_parse(answer, &kill, take_key, &wish) < 0) {
		return 0;
	}
	if (!wish.all && !session_filter_is_set(&kill)) {
		return api_answer_fail(
			answer, HTTP_BADREQUEST,
			"which sessions? Say client, dst, eip, state, gateway, protocol, port, client_port, eip_port or idle; or all");
	}
	kill.dry = wish.dry_run;
	int r = datapath_kill(state->dp, &kill);

	if (r < 0) {
		return r;
	}
	if (!kill.dry) {
		log_info("ended %" PRIu64 " sessions by request", (uint64_t)kill.killed);
		top_forget(&state->top);
	}
	return api_answer_json(answer, json_pack("{s:b, s:I, s:I}", "dry_run", kill.dry, "matched",
						 (json_int_t)kill.matched, "killed",
						 (json_int_t)kill.killed));
}
