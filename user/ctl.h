/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the commands of natgwctl share: options, asking natgwd, showing what it says. A command is
 * one function in one of the files ctl_*.c; natgwctl.c lists them.
 */
#ifndef NATGW_USER_CTL_H
#define NATGW_USER_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Exit status of a wrong command line. */
#define CTL_USAGE 2

/* Options that every command takes, wherever they stand. */
struct ctl {
	const char *socket;
	bool json; /* natgwd's answer as it is */
};

/* An option of one command: --name VALUE, or --name for a switch. */
struct ctl_option {
	const char *name;  /* without the dashes */
	const char *key;   /* of the query; NULL: the command looks at its value itself */
	char letter;	   /* -n VALUE as well; 0: none */
	bool is_switch;	   /* takes no value; in a query: 1 */
	const char *value; /* out; NULL: not given. A switch: "1" */
	const char *help;  /* "ADDRESS  of the client", for COMMAND --help; a switch: "  what" */
};

/* fn: the exit status. words: what stands behind the command's name, word_count of them. */
struct ctl_command {
	const char *name; /* one or two words: "status", "routes list" */
	/* After the name, in --help: words, two blanks, text: "[GATEWAY]  EIPs, ports in use";
	 * without words "  EIPs, ports in use". */
	const char *help;
	unsigned int words_min;
	unsigned int words_max;
	struct ctl_option *options; /* ended by one without a name; NULL: none */
	int (*fn)(const struct ctl *ctl, char *const *words, unsigned int word_count);
};

struct ctl_answer {
	char *text;
	size_t size;
	long status; /* of HTTP */
};

/* The value of an option of the command, or NULL. */
const char *ctl_value(const struct ctl_option *options, const char *name);

/* Appends "?key=value" or "&key=value", escaped. -EINVAL: too long. */
int ctl_append(char *path, size_t size, const char *key, const char *value);
/* The same for every option that was given and has a key. Says what went wrong. */
int ctl_append_options(char *path, size_t size, const struct ctl_option *options);

/*
 * GET, or POST when body is not NULL (body_size bytes, may be 0), of a path with its query. Says
 * itself what went wrong, a refusal of natgwd included (then -EIO). On success ret_answer->text is
 * the caller's to free.
 */
int ctl_ask(const struct ctl *ctl, const char *path, const char *body, size_t body_size,
	    struct ctl_answer *ret_answer);

/*
 * GET of a path whose answer is long, or has no end before natgwctl's own: fn gets every line as it
 * comes, with a NUL in place of its end; not 0 ends it and is returned. 0 when natgwd has closed
 * it; -EIO, -ENOMEM or -EINVAL otherwise, and said so.
 */
int ctl_stream(const struct ctl *ctl, const char *path,
	       int (*fn)(const char *line, size_t size, void *arg), void *arg);

/* Asks, and prints the answer: as it is with --json, else as print has it. The exit status. */
int ctl_show(const struct ctl *ctl, const char *path,
	     int (*print)(const json_t *json, FILE *stream));
int ctl_post(const struct ctl *ctl, const char *path, const char *body, size_t body_size,
	     int (*print)(const json_t *json, FILE *stream));

/* The end of a command: what is left to be written goes out. status, or 1 and said so. */
int ctl_finish(int status);

/* ---- the commands, by file ---- */

/* ctl_show.c: what natgwd knows */
int ctl_status(const struct ctl *ctl, char *const *words, unsigned int word_count);
extern struct ctl_option ctl_describe_options[];
int ctl_describe(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_eips_list(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_stats(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_routes_list(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_top_destinations(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_top_clients(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_explain_errors(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_audit(const struct ctl *ctl, char *const *words, unsigned int word_count);
extern struct ctl_option ctl_top_options[];
extern struct ctl_option ctl_audit_options[];

/* ctl_check.c: the decision path of one packet */
int ctl_check(const struct ctl *ctl, char *const *words, unsigned int word_count);

/* ctl_sessions.c: the session table */
int ctl_sessions(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_sessions_kill(const struct ctl *ctl, char *const *words, unsigned int word_count);
extern struct ctl_option ctl_sessions_options[];
extern struct ctl_option ctl_sessions_kill_options[];

/* ctl_drops.c: samples of dropped packets */
int ctl_drops(const struct ctl *ctl, char *const *words, unsigned int word_count);
extern struct ctl_option ctl_drops_options[];

/* ctl_watch.c: a live screen */
int ctl_watch(const struct ctl *ctl, char *const *words, unsigned int word_count);
extern struct ctl_option ctl_watch_options[];

/* ctl_import.c: sessions of the host's own NAT */
int ctl_import(const struct ctl *ctl, char *const *words, unsigned int word_count);
extern struct ctl_option ctl_import_options[];

/* ctl_change.c: the config */
int ctl_apply(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_gateways_create(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_gateways_delete(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_gateways_tag(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_eips_attach(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_eips_detach(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_routes_replace(const struct ctl *ctl, char *const *words, unsigned int word_count);
int ctl_block(const struct ctl *ctl, char *const *words, unsigned int word_count);
extern struct ctl_option ctl_change_options[];
extern struct ctl_option ctl_create_options[];
extern struct ctl_option ctl_detach_options[];

#endif
