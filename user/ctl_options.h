/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of natgwctl, taken apart by the table of its commands. Pure but for messages. */
#ifndef NATGW_USER_CTL_OPTIONS_H
#define NATGW_USER_CTL_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "ctl.h"

#define CTL_DEFAULT_SOCKET "/run/natgw/control.sock"

/* What somebody asks for. */
struct ctl_line {
	struct ctl ctl;
	const struct ctl_command *command; /* NULL with help or version only */
	char *const *words;		   /* behind the command's name; in the argv given */
	unsigned int word_count;
	bool help;
	bool version;
};

/*
 * commands ends with one without a name. Reorders argv: words come to the front. The values of
 * options are written into the command's table. -EINVAL: wrong, and said so in one line.
 */
int ctl_options_parse(int argc, char **argv, const struct ctl_command *commands,
		      struct ctl_line *ret_line);

void ctl_options_help(const struct ctl_command *commands, FILE *stream);
void ctl_options_help_command(const struct ctl_command *command, FILE *stream);

#endif
