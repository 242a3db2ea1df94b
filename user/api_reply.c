// SPDX-License-Identifier: GPL-2.0-only
/* The form of answers: JSON, errors, headers. Knows no endpoint (api_answer.c). */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api_answer.h"
#include "cleanup.h"

int api_answer_json(struct api_answer *answer, json_t *json)
{
	_cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text && evbuffer_add_printf(answer->body, "%s\n", text) >= 0 ? 0 : -ENOMEM;
}

/* With "?" for each byte that is not printable ASCII. */
static json_t *plain_string(const char *text)
{
	_cleanup_free_ char *plain = strdup(text);

	for (char *c = plain; c && *c; c++) {
		*c = *c < ' ' || *c > '~' ? '?' : *c;
	}
	return plain ? json_string(plain) : NULL;
}

int api_answer_fail(struct api_answer *answer, int status, const char *text)
{
	evbuffer_drain(answer->body, evbuffer_get_length(answer->body));
	answer->status = status;
	answer->type = API_ANSWER_JSON;
	json_t *error = json_string(text);

	/* What was cut in the middle of a letter is no text of JSON. */
	return api_answer_json(answer,
			       json_pack("{s:o}", "error", error ? error : plain_string(text)));
}

int api_answer_header(struct api_answer *answer, const char *key, const char *value)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(answer->request);

	return evhttp_add_header(headers, key, value) < 0 ? -ENOMEM : 0;
}

void api_answer_finish_headers(struct api_answer *answer)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(answer->request);

	/* No connection outlives its answer: nobody can hold on to one. */
	evhttp_add_header(headers, "Connection", "close");
	evhttp_add_header(headers, "Content-Type", answer->type);
	if (!evhttp_find_header(headers, "Cache-Control")) {
		evhttp_add_header(headers, "Cache-Control", "no-store");
	}
}
