/* SPDX-License-Identifier: GPL-2.0-only */
/* What the change*.c share; nobody else includes this. */
#ifndef NATGW_USER_CHANGE_INTERNAL_H
#define NATGW_USER_CHANGE_INTERNAL_H

#include "change.h"
#include "config.h"

/* ---- change.c ---- */

/* One change under way. */
struct change_attempt {
	struct natgwd_state *state;
	const struct change_mode *mode;
	struct change_result *result;
	const char *what;   /* for the log: "eips attach nat-a" */
	struct config *old; /* what was wanted until now */
	struct config *new;
	char *text;	 /* of new */
	json_t *changes; /* from old to new */
	bool is_edit;	 /* made by a command: nobody knows lines of it */
};

/* What is edited: how, and with which words. */
struct change_edit {
	int (*fn)(struct config *config, const struct change_edit *edit, char *error);
	const char *name; /* of a gateway, or of a table */
	const char *words[2];
	json_t *tags;
	struct config *one; /* of "create" */
};

/* A copy of its own of what is wanted. */
int change_wanted(const struct natgwd_state *state, struct config **ret_config, char *error);
/* An edit, put in force. what: the command, for the log. */
int change_run_edit(struct natgwd_state *state, const struct change_mode *mode, const char *what,
		    const struct change_edit *edit, struct change_result *ret_result);

/* ---- change_answer.c ---- */

/* Before anything is applied: attempt->new is the state's afterwards. NULL: no memory. */
json_t *change_answer_start(const struct change_attempt *attempt);
/* Takes json over, into the result. save_error: NULL when there was nothing to say. */
int change_answer_end(struct change_attempt *attempt, json_t *json, const char *save_error);

/* ---- change_edit.c: edits of a config in memory. Pure. ---- */

/*
 * Each changes config, or returns -EINVAL (with one line in error), -ENOENT (the same: what is
 * named is not there) or -ENOMEM. What comes out still has to be printed and parsed: that checks
 * it.
 */
int change_edit_delete(struct config *config, const char *name, char *error);
int change_edit_attach(struct config *config, const char *name, const char *eips, char *error);
int change_edit_detach(struct config *config, const char *name, const char *eips, char *error);
int change_edit_route(struct config *config, const char *table, const char *prefix,
		      const char *target, char *error);
int change_edit_tag(struct config *config, const char *name, json_t *tags, char *error);

/* error has CHANGE_ERROR_MAX bytes. Always -EINVAL. */
int change_say(char *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What there is in place of this gateway. Always -ENOENT. */
int change_no_gateway(const struct config *config, const char *name, char *error);

/* Addresses of a list "a, b-c, d/24", in its order; the caller frees them. */
int change_addresses(const char *text, __be32 **ret_addrs, size_t *ret_count, char *error);

/* ---- change_text.c ---- */

/* Reads a config; file: its name for messages, NULL: the text is nobody's, so they name no place.
 */
int change_parse(const char *file, const char *text, size_t size, struct config **ret_config,
		 char *error);
/* The message without "file:line:column: ". */
const char *change_without_place(const char *text);

/* ---- change_create.c ---- */

/* This gateway as a config of its own, read and checked by itself; sessions: limits.sessions, which
 * its quotas follow. With subnets it has a table whose default route leads to the gateway, else one
 * that is nobody's. */
int change_create_parse(const struct change_gateway *gateway, uint32_t sessions,
			struct config **ret_config, char *error);
/* Takes the gateway, and its table if it has subnets, out of the config made so. */
int change_create_add(struct config *config, struct config *one);

/* ---- change_save.c ---- */

/*
 * text in place of the file's content, at once: its mode and owner stay. stamp: as it was when it
 * was read or written last, else -ESTALE; on success as it is now. Says in error what went wrong.
 */
int change_save(const char *file, const char *text, struct change_stamp *stamp, char *error);

#endif
