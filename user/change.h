/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes by command: a copy of the config is edited, and the whole of it goes the way of a reload,
 * all or nothing. Commands change what was last wanted: what a change said that only a restart can
 * bring stays in it, and is saved.
 */
#ifndef NATGW_USER_CHANGE_H
#define NATGW_USER_CHANGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#include "state.h"

#define CHANGE_ERROR_MAX 640

struct event_base;
struct follow;

struct change_mode {
	bool dry_run; /* say what would be; change nothing */
	bool save;    /* write the config file, in its canonical form */
};

/*
 * What became of it. json, the caller's: {"applied", "dry_run", "generation", "changes",
 * "restart", "warnings", "saved", "save_error"}; of a dry run also "capacity" and
 * "sessions_ending". See docs/configuration.md, "Changes while natgwd runs".
 */
struct change_result {
	json_t *json;		      /* when it went well, else NULL */
	char error[CHANGE_ERROR_MAX]; /* else one line: what, and what would be right */
};

/*
 * All of these: 0; -EINVAL: what was asked for is wrong in itself; -ENOMEM; any other negative
 * errno: it does not go with the host or with what is in force. Unless it is 0, nothing has
 * changed.
 */

/* A whole config. */
struct change_file {
	const char *name; /* for messages */
	const char *text;
	size_t size;
};

int change_apply(struct natgwd_state *state, const struct change_mode *mode,
		 const struct change_file *file, struct change_result *ret_result);

/* Texts as they stand in a config file; lists with commas between. */
struct change_gateway {
	const char *name;
	const char *private_ip;
	const char *eips;
	const char *subnets; /* NULL: no route table of its own */
	const char *profile; /* NULL: the usual one */
};

int change_create(struct natgwd_state *state, const struct change_mode *mode,
		  const struct change_gateway *gateway, struct change_result *ret_result);
/* With its rules, port forwards and own route table; routes to it stay, as blackholes. */
int change_delete(struct natgwd_state *state, const struct change_mode *mode, const char *name,
		  struct change_result *ret_result);
/* tags: "key=value,key=value"; an empty value takes the tag away. */
int change_tag(struct natgwd_state *state, const struct change_mode *mode, const char *name,
	       json_t *tags, struct change_result *ret_result);

/* eips: addresses, ranges, prefixes with commas between. */
int change_attach(struct natgwd_state *state, const struct change_mode *mode, const char *name,
		  const char *eips, struct change_result *ret_result);
struct change_detach {
	const char *gateway;
	const char *eips;
	uint32_t drain_s; /* that their sessions have; 0: as the gateway says */
};

int change_detach(struct natgwd_state *state, const struct change_mode *mode,
		  const struct change_detach *detach, struct change_result *ret_result);

/* The route of this prefix in this table; one that is not there is added. */
struct change_route {
	const char *table;
	const char *prefix;
	const char *target;
};

int change_route(struct natgwd_state *state, const struct change_mode *mode,
		 const struct change_route *route, struct change_result *ret_result);

/*
 * Blocks a gateway, or all of them (name NULL), or lets it go on: no part of the config, but of the
 * maps, so it outlives reloads and restarts. json: {"gateways": [{"name", "blocked"}]}.
 */
int change_block(struct natgwd_state *state, const char *name, bool block,
		 struct change_result *ret_result);

/* Family natgw_gateway_blocked. */
void change_metrics(const struct natgwd_state *state, FILE *stream);

/* ---- the daemon's ---- */

/* The service: remembers the config file as it is. */
int change_start(struct event_base *base, struct natgwd_state *state);
void change_stop(struct natgwd_state *state);

/* The canonical text; free() it. NULL: no memory. */
char *change_text(const struct config *config);
/* text is what is wanted from now on; taken over. */
void change_note(struct natgwd_state *state, char *text);
/* Which file, and which content. */
struct change_stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
};

/* All zero when it cannot be read. */
struct change_stamp change_stamp_of(const char *file);
/* The config file, as it was then, is in force. */
void change_note_file(struct natgwd_state *state, const struct change_stamp *stamp);

#endif
