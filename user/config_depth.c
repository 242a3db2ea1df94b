/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looks at the nesting of YAML text before a document is made of it: libyaml's time grows with the
 * square of the depth, minutes for a megabyte of brackets.
 */
#include "config_depth.h"

#include <yaml.h>

/* How an event changes the depth. */
static int step(yaml_event_type_t type)
{
	switch (type) {
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return 1;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return -1;
	default:
		return 0;
	}
}

bool config_depth_exceeded(const char *text, size_t size, struct config_place *ret_place)
{
	yaml_parser_t parser;
	bool done = false;
	int depth = 0;

	/* Out of memory: the loader meets it again, and says so. */
	if (!yaml_parser_initialize(&parser)) {
		return false;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	while (!done && depth <= CONFIG_DEPTH_MAX) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			break;
		}
		depth += step(event.type);
		done = event.type == YAML_STREAM_END_EVENT;
		if (depth > CONFIG_DEPTH_MAX) {
			ret_place->line = (unsigned int)event.start_mark.line + 1;
			ret_place->column = (unsigned int)event.start_mark.column + 1;
		}
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return depth > CONFIG_DEPTH_MAX;
}
