// SPDX-License-Identifier: GPL-2.0-only
/*
 * natgwctl: the table of its commands. What they share is in ctl.h, what each does in ctl_*.c.
 * Exit status: 0, 1 when it could not be done or something was found, 2 for a wrong command line;
 * of the audit also when the maps could not be read.
 */
#include <stdio.h>

#include "ctl.h"
#include "ctl_options.h"
#include "version.h"

static const struct ctl_command commands[] = {
	{ .name = "status",
	  .help = "  interfaces, gateways, how much is in use",
	  .fn = ctl_status },
	{ .name = "describe",
	  .help = "[GATEWAY]  EIPs, ports in use, timeouts, sessions, forwards, rules",
	  .words_max = 1,
	  .options = ctl_describe_options,
	  .fn = ctl_describe },
	{ .name = "eips list",
	  .help = "  every EIP, its gateway and its state",
	  .fn = ctl_eips_list },
	{ .name = "sessions",
	  .help = "  who talks to whom, through which EIP and port",
	  .options = ctl_sessions_options,
	  .fn = ctl_sessions },
	{ .name = "sessions kill",
	  .help = "  ends those that the options mean; their ports are free at once",
	  .options = ctl_sessions_kill_options,
	  .fn = ctl_sessions_kill },
	{ .name = "watch",
	  .help = "  a live screen: rates, ports, top talkers, drops",
	  .options = ctl_watch_options,
	  .fn = ctl_watch },
	{ .name = "drops",
	  .help = "  dropped packets while they are, with their reason",
	  .options = ctl_drops_options,
	  .fn = ctl_drops },
	{ .name = "stats", .help = "  counters by hook, gateway and reason", .fn = ctl_stats },
	{ .name = "routes list",
	  .help = "  route tables as the data path has them",
	  .fn = ctl_routes_list },
	{ .name = "top destinations",
	  .help = "  ports in use and held, refusals",
	  .options = ctl_top_options,
	  .fn = ctl_top_destinations },
	{ .name = "top clients",
	  .help = "  sessions, ports held, bytes, refusals",
	  .options = ctl_top_options,
	  .fn = ctl_top_clients },
	{ .name = "explain-errors",
	  .help = "  what ran out, who used it, what would help",
	  .fn = ctl_explain_errors },
	{ .name = "check",
	  .help = "CLIENT DST[:PORT][/PROTO]  what becomes of a client's packet, and why",
	  .words_min = 2,
	  .words_max = 2,
	  .fn = ctl_check },
	{ .name = "import-conntrack",
	  .help = "  takes over the living sessions of this host's masquerade; needs root",
	  .options = ctl_import_options,
	  .fn = ctl_import },
	{ .name = "audit",
	  .help = "  do sessions, counts and bitmaps agree? Needs root, not natgwd",
	  .options = ctl_audit_options,
	  .fn = ctl_audit },
	{ .name = "apply",
	  .help = "FILE  a whole config in place of the running one; -: standard input",
	  .words_min = 1,
	  .words_max = 1,
	  .options = ctl_change_options,
	  .fn = ctl_apply },
	{ .name = "gateways create",
	  .help = "NAME  a new gateway",
	  .words_min = 1,
	  .words_max = 1,
	  .options = ctl_create_options,
	  .fn = ctl_gateways_create },
	{ .name = "gateways delete",
	  .help = "NAME  with its rules and forwards; its routes stay, as blackholes",
	  .words_min = 1,
	  .words_max = 1,
	  .options = ctl_change_options,
	  .fn = ctl_gateways_delete },
	{ .name = "gateways tag",
	  .help = "NAME KEY=VALUE...  sets tags; KEY= takes one away",
	  .words_min = 2,
	  .words_max = 17,
	  .options = ctl_change_options,
	  .fn = ctl_gateways_tag },
	{ .name = "eips attach",
	  .help = "GATEWAY LIST  more EIPs",
	  .words_min = 2,
	  .words_max = 2,
	  .options = ctl_change_options,
	  .fn = ctl_eips_attach },
	{ .name = "eips detach",
	  .help = "GATEWAY LIST  no new sessions on these EIPs; they drain",
	  .words_min = 2,
	  .words_max = 2,
	  .options = ctl_detach_options,
	  .fn = ctl_eips_detach },
	{ .name = "routes replace",
	  .help = "TABLE PREFIX TARGET  at once: never a moment without a route",
	  .words_min = 3,
	  .words_max = 3,
	  .options = ctl_change_options,
	  .fn = ctl_routes_replace },
	{ .name = "block",
	  .help = "on|off [GATEWAY]  nothing goes through it, or through any",
	  .words_min = 1,
	  .words_max = 2,
	  .fn = ctl_block },
	{},
};

int main(int argc, char **argv)
{
	struct ctl_line line;

	if (ctl_options_parse(argc, argv, commands, &line) < 0) {
		return CTL_USAGE;
	}
	if (line.version) {
		printf("natgwctl %s\n", NATGW_VERSION);
		return 0;
	}
	if (line.help && line.command) {
		ctl_options_help_command(line.command, stdout);
		return 0;
	}
	if (line.help) {
		ctl_options_help(commands, stdout);
		return 0;
	}
	return line.command->fn(&line.ctl, line.words, line.word_count);
}
