// SPDX-License-Identifier: GPL-2.0-only
/* A config as text and back, in memory. Pure. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "change_internal.h"
#include "cleanup.h"

char *change_text(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	int err = stream ? config_print(config, stream) : -ENOMEM;

	if (stream && fclose(stream) != 0) {
		err = -ENOMEM;
	}
	if (err) {
		free(text);
		return NULL;
	}
	return text;
}

/* "command:3:9: text" as "text": the place is in a text that nobody has seen. */
const char *change_without_place(const char *text)
{
	const char *colon = strchr(text, ':');

	for (int i = 0; colon && i < 2; i++) {
		const char *digits = colon + 1;

		colon = isdigit((unsigned char)*digits) ? strchr(digits, ':') : NULL;
	}
	return colon && colon[1] == ' ' ? colon + 2 : text;
}

int change_parse(const char *file, const char *text, size_t size, struct config **ret_config,
		 char *error)
{
	_cleanup_free_ char *copy = malloc(size + 1);
	/* fmemopen refuses 0 bytes. */
	_cleanup_fclose_ FILE *stream =
		copy && size ? fmemopen(copy, size, "r") : fopen("/dev/null", "re");
	struct config_error wrong = { "" };
	int err = copy && stream ? 0 : -ENOMEM;

	if (!err) {
		memcpy(copy, text, size);
		err = config_parse(stream, file ? file : "command", ret_config, &wrong);
	}
	if (err) {
		(void)change_say(error, "%s", file ? wrong.text : change_without_place(wrong.text));
	}
	return err;
}
