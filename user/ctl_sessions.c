// SPDX-License-Identifier: GPL-2.0-only
/*
 * natgwctl sessions: the session table, as natgwd filters and sorts it, printed while it comes; and
 * sessions kill, with the same filters.
 */
#include <errno.h>
#include <string.h>

#include "ctl.h"
#include "output_list.h"
#include "output_sessions.h"

#define FILTERS                                                                                \
	{ .name = "client", .key = "client", .help = "ADDRESS[/LEN]  of the client" },         \
		{ .name = "dst", .key = "dst", .help = "ADDRESS[/LEN]  of the destination" },  \
		{ .name = "eip", .key = "eip", .help = "ADDRESS  external address" },          \
		{ .name = "state",                                                             \
		  .key = "state",                                                              \
		  .help = "STATE  new, opening, established, hold or mapping" },               \
		{ .name = "gateway", .key = "gateway", .help = "NAME  of the gateway" },       \
		{ .name = "protocol", .key = "protocol", .help = "PROTOCOL  tcp, udp, icmp" }, \
		{ .name = "port",                                                              \
		  .key = "port",                                                               \
		  .help = "PORT  of the destination, as the client names it" },                \
		{ .name = "client-port",                                                       \
		  .key = "client_port",                                                        \
		  .help = "PORT  of the client; ICMP: its identifier" },                       \
		{ .name = "eip-port",                                                          \
		  .key = "eip_port",                                                           \
		  .help = "PORT  external; ICMP: the identifier outside" },                    \
	{                                                                                      \
		.name = "idle", .key = "idle", .help = "SECONDS  without a packet for so long" \
	}

struct ctl_option ctl_sessions_options[] = {
	FILTERS,
	{ .name = "sort",
	  .key = "sort",
	  .help = "ORDER  bytes, packets, idle: greatest first; client" },
	{ .name = "limit",
	  .key = "limit",
	  .letter = 'n',
	  .help = "N  no more than so many; with --sort 100" },
	{},
};

struct ctl_option ctl_sessions_kill_options[] = {
	FILTERS,
	{ .name = "all",
	  .key = "all",
	  .is_switch = true,
	  .help = "  every session: needed where nothing else is given" },
	{ .name = "dry-run",
	  .key = "dry_run",
	  .is_switch = true,
	  .help = "  only say how many there are" },
	{},
};

/* ---- sessions ---- */

static int print_raw(const char *line, size_t size, void *arg)
{
	(void)arg;
	return fwrite(line, 1, size, stdout) == size && putchar('\n') != EOF ? 0 : -EIO;
}

/* One session on each line, between the first and what ends the last. */
static int print_row(const char *line, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	if (line[0] != '{' || strncmp(line, "{\"sessions\"", strlen("{\"sessions\"")) == 0) {
		return 0;
	}
	int r = output_sessions_row(line, stdout);

	if (r == -EPROTO) {
		fprintf(stderr, "natgwctl: natgwd's answer cannot be read\n");
	}
	return r;
}

int ctl_sessions(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	char path[2048] = "/v1/sessions";

	(void)words;
	(void)word_count;
	if (ctl_append_options(path, sizeof(path), ctl_sessions_options) < 0) {
		return 1;
	}
	if (!ctl->json) {
		output_sessions_heading(stdout);
	}
	return ctl_finish(ctl_stream(ctl, path, ctl->json ? print_raw : print_row, NULL) ? 1 : 0);
}

/* ---- sessions kill ---- */

static int print_killed(const json_t *json, FILE *stream)
{
	if (json_is_true(json_object_get(json, "dry_run"))) {
		fprintf(stream, "%" JSON_INTEGER_FORMAT " sessions would be ended\n",
			output_list_number(json, "matched"));
	} else {
		fprintf(stream, "%" JSON_INTEGER_FORMAT " sessions ended\n",
			output_list_number(json, "killed"));
	}
	return 0;
}

int ctl_sessions_kill(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	char path[2048] = "/v1/sessions/kill";

	(void)words;
	(void)word_count;
	if (ctl_append_options(path, sizeof(path), ctl_sessions_kill_options) < 0) {
		return 1;
	}
	return ctl_post(ctl, path, "", 0, print_killed);
}
