// SPDX-License-Identifier: GPL-2.0-only
/* The form of a family's head and of a sample. Not responsible for names and numbers. */
#include "metrics_internal.h"

#include <inttypes.h>

static void write_escaped(const char *text, FILE *stream)
{
	for (; *text; text++) {
		switch (*text) {
		case '\\':
			fputs("\\\\", stream);
			break;
		case '"':
			fputs("\\\"", stream);
			break;
		case '\n':
			fputs("\\n", stream);
			break;
		default:
			fputc(*text, stream);
		}
	}
}

static void write_name(FILE *stream, const char *name, const struct metrics_label *labels)
{
	const char *separator = "{";

	fputs(name, stream);
	for (; labels && labels->key; labels++) {
		fprintf(stream, "%s%s=\"", separator, labels->key);
		write_escaped(labels->value, stream);
		fputc('"', stream);
		separator = ",";
	}
	if (*separator == ',') {
		fputc('}', stream);
	}
}

void metrics_sample(FILE *stream, const char *name, const struct metrics_label *labels,
		    uint64_t value)
{
	write_name(stream, name, labels);
	fprintf(stream, " %" PRIu64 "\n", value);
}

void metrics_sample_ratio(FILE *stream, const char *name, const struct metrics_label *labels,
			  double value)
{
	write_name(stream, name, labels);
	fprintf(stream, " %.6f\n", value);
}

void metrics_head(FILE *stream, const char *name, const char *type, const char *help)
{
	fprintf(stream, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_single(FILE *stream, const char *name, const char *type, const char *help,
		    uint64_t value)
{
	metrics_head(stream, name, type, help);
	metrics_sample(stream, name, NULL, value);
}
