// SPDX-License-Identifier: GPL-2.0-only
/*
 * Endpoints that change something: what is asked for, and with which status it is answered. What
 * becomes of it is change.c's.
 */
#include "api_change.h"

#include <errno.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <string.h>

#include "change.h"

#define HTTP_CONFLICT 409
#define FILE_UNNAMED "the config"

/* ---- what is asked for ---- */

static bool is_on(const struct api_answer *answer, const char *key)
{
	const char *text = evhttp_find_header(answer->query, key);

	return text && strcmp(text, "1") == 0;
}

static struct change_mode mode_of(const struct api_answer *answer)
{
	return (struct change_mode){
		.dry_run = is_on(answer, "dry_run"),
		.save = is_on(answer, "save"),
	};
}

/* Reads the body by a format of json_unpack; what is not in the format is refused. False, and the
 * answer says so. *ret_body is the caller's. */
#define READ_BODY(answer, ret_body, ret_r, format, ...)                                      \
	({                                                                                   \
		json_error_t read_error;                                                     \
                                                                                             \
		*(ret_body) = json_loadb((answer)->request_body, (answer)->request_size, 0,  \
					 &read_error);                                       \
		bool read_ok =                                                               \
			*(ret_body) && json_unpack_ex(*(ret_body), &read_error, JSON_STRICT, \
						      format, __VA_ARGS__) == 0;             \
                                                                                             \
		if (!read_ok) {                                                              \
			*(ret_r) = refuse_body(answer, &read_error);                         \
		}                                                                            \
		read_ok;                                                                     \
	})

static int refuse_body(struct api_answer *answer, const json_error_t *error)
{
	char text[JSON_ERROR_TEXT_LENGTH + 64];

	(void)snprintf(text, sizeof(text), "the body is not what this path takes: %s", error->text);
	return api_answer_fail(answer, HTTP_BADREQUEST, text);
}

/* ---- what is answered ---- */

static int finish(struct api_answer *answer, int err, struct change_result *result)
{
	if (!err) {
		return api_answer_json(answer, result->json);
	}
	json_decref(result->json);
	if (err == -ENOMEM) {
		return err;
	}
	return api_answer_fail(answer, err == -EINVAL ? HTTP_BADREQUEST : HTTP_CONFLICT,
			       result->error);
}

/* ---- the endpoints ---- */

/* For messages, also in the log. */
static const char *file_of(const struct api_answer *answer)
{
	const char *file = evhttp_find_header(answer->query, "file");

	for (const char *c = file; c && *c; c++) {
		if (*c < ' ' || *c > '~') {
			return FILE_UNNAMED;
		}
	}
	return file ? file : FILE_UNNAMED;
}

int api_change_apply(struct api_answer *answer)
{
	const struct change_mode mode = mode_of(answer);
	const struct change_file text = {
		.name = file_of(answer),
		.text = answer->request_body,
		.size = answer->request_size,
	};
	struct change_result result;
	int err = change_apply(answer->context->state, &mode, &text, &result);

	return finish(answer, err, &result);
}

int api_change_create(struct api_answer *answer)
{
	const struct change_mode mode = mode_of(answer);
	struct change_gateway gateway = { .name = NULL };
	struct change_result result;
	json_t *body = NULL;
	int r = 0;

	if (READ_BODY(answer, &body, &r, "{s:s, s:s, s:s, s?s, s?s}", "name", &gateway.name,
		      "private_ip", &gateway.private_ip, "eips", &gateway.eips, "subnets",
		      &gateway.subnets, "profile", &gateway.profile)) {
		r = finish(answer, change_create(answer->context->state, &mode, &gateway, &result),
			   &result);
	}
	json_decref(body);
	return r;
}

int api_change_delete(struct api_answer *answer)
{
	const struct change_mode mode = mode_of(answer);
	struct change_result result;
	const char *name = NULL;
	json_t *body = NULL;
	int r = 0;

	if (READ_BODY(answer, &body, &r, "{s:s}", "name", &name)) {
		r = finish(answer, change_delete(answer->context->state, &mode, name, &result),
			   &result);
	}
	json_decref(body);
	return r;
}

int api_change_tag(struct api_answer *answer)
{
	const struct change_mode mode = mode_of(answer);
	struct change_result result;
	const char *name = NULL;
	json_t *tags = NULL;
	json_t *body = NULL;
	int r = 0;

	if (READ_BODY(answer, &body, &r, "{s:s, s:o}", "name", &name, "tags", &tags)) {
		r = finish(answer, change_tag(answer->context->state, &mode, name, tags, &result),
			   &result);
	}
	json_decref(body);
	return r;
}

int api_change_attach(struct api_answer *answer)
{
	const struct change_mode mode = mode_of(answer);
	struct change_result result;
	const char *gateway = NULL;
	const char *eips = NULL;
	json_t *body = NULL;
	int r = 0;

	if (READ_BODY(answer, &body, &r, "{s:s, s:s}", "gateway", &gateway, "eips", &eips)) {
		r = finish(answer,
			   change_attach(answer->context->state, &mode, gateway, eips, &result),
			   &result);
	}
	json_decref(body);
	return r;
}

int api_change_detach(struct api_answer *answer)
{
	const struct change_mode mode = mode_of(answer);
	struct change_detach detach = { .gateway = NULL };
	struct change_result result;
	json_int_t drain_s = 0;
	json_t *body = NULL;
	int r = 0;

	if (READ_BODY(answer, &body, &r, "{s:s, s:s, s?I}", "gateway", &detach.gateway, "eips",
		      &detach.eips, "drain_s", &drain_s)) {
		/* Out of bounds stays so. */
		detach.drain_s =
			drain_s < 0 || drain_s > UINT32_MAX ? UINT32_MAX : (uint32_t)drain_s;
		r = finish(answer, change_detach(answer->context->state, &mode, &detach, &result),
			   &result);
	}
	json_decref(body);
	return r;
}

int api_change_replace(struct api_answer *answer)
{
	const struct change_mode mode = mode_of(answer);
	struct change_route route = { .table = NULL };
	struct change_result result;
	json_t *body = NULL;
	int r = 0;

	if (READ_BODY(answer, &body, &r, "{s:s, s:s, s:s}", "table", &route.table, "to",
		      &route.prefix, "target", &route.target)) {
		r = finish(answer, change_route(answer->context->state, &mode, &route, &result),
			   &result);
	}
	json_decref(body);
	return r;
}

int api_change_block(struct api_answer *answer)
{
	struct change_result result;
	const char *gateway = NULL;
	int blocked = 0;
	json_t *body = NULL;
	int r = 0;

	if (READ_BODY(answer, &body, &r, "{s:b, s?s}", "blocked", &blocked, "gateway", &gateway)) {
		r = finish(answer, change_block(answer->context->state, gateway, blocked, &result),
			   &result);
	}
	json_decref(body);
	return r;
}
