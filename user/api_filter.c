// SPDX-License-Identifier: GPL-2.0-only
/* From a query to a filter; whatever is not understood is refused. */
#include "api_filter.h"

#include <errno.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <sys/queue.h>

int api_filter_parse(struct api_answer *answer, struct natgw_kill *filter,
		     int (*other)(const char *key, const char *value, void *arg, char *why),
		     void *arg)
{
	const struct evkeyval *pair;
	char why[SESSION_FILTER_WHY_MAX] = "";
	int r = 0;

	TAILQ_FOREACH(pair, answer->query, next)
	{
		r = session_filter_set(answer->context->state, pair->key, pair->value, filter, why);
		if (r == -ENOENT) {
			r = other(pair->key, pair->value, arg, why);
		}
		if (r == -ENOENT) {
			(void)snprintf(why, sizeof(why), "the query has no key \"%.40s\"",
				       pair->key);
		}
		if (r < 0) {
			(void)api_answer_fail(answer, HTTP_BADREQUEST, why);
			return -EINVAL;
		}
	}
	return 0;
}
