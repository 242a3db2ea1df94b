/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * YAML for the configuration: a document with the place of every node, and readers that check a
 * node's kind. It knows no key of natgw. Private to the config modules.
 */
#ifndef NATGW_USER_CONFIG_YAML_H
#define NATGW_USER_CONFIG_YAML_H

#include <stdbool.h>
#include <stdio.h>
#include <yaml.h>

#include "config.h"

struct config_yaml {
	yaml_document_t document;
	const char *file;	    /* borrowed */
	struct config_error *error; /* borrowed; where the readers below leave their message */
};

/* 0, or a negative errno with the message left in yaml->error. */
typedef int (*config_yaml_read)(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* A key that a mapping may have. Lists of keys end with a NULL name. */
struct config_yaml_key {
	const char *name;
	bool required;
	config_yaml_read read;
};

/*
 * Reads the one document of the stream, at most CONFIG_FILE_MAX bytes. On success the caller ends
 * with config_yaml_free; file and ret_error must live until then.
 */
int config_yaml_load(FILE *stream, const char *file, struct config_yaml *ret_yaml,
		     struct config_error *ret_error);

void config_yaml_free(struct config_yaml *yaml);

struct config_place config_yaml_place(const yaml_node_t *node);

/* Leaves "file:line:column: text" for the start of node. Always -EINVAL, to be returned at once. */
int config_yaml_error(const struct config_yaml *yaml, const yaml_node_t *node, const char *format,
		      ...) __attribute__((format(printf, 3, 4)));

/* The same for a place that was kept. */
int config_yaml_error_at(const struct config_yaml *yaml, struct config_place place,
			 const char *format, ...) __attribute__((format(printf, 3, 4)));

/* -ENOMEM, with its message. */
int config_yaml_no_memory(const struct config_yaml *yaml);

/*
 * node must be a mapping of known keys, none twice, no required one missing. The values are then
 * read in the order of keys, not of the file: a reader may use what an earlier key has left in out.
 */
int config_yaml_mapping(struct config_yaml *yaml, yaml_node_t *node, const char *what,
			const struct config_yaml_key *keys, void *out);

struct config_yaml_items {
	const char *what;      /* the list, for messages: "eips of a gateway" */
	config_yaml_read read; /* called for each item */
	bool may_be_empty;
};

/* node must be a list; without items it is an error, unless it may be empty. */
int config_yaml_list(struct config_yaml *yaml, yaml_node_t *node,
		     const struct config_yaml_items *items, void *out);

/* node must be plain or quoted text: *ret_text lives as long as the document. */
int config_yaml_text(const struct config_yaml *yaml, yaml_node_t *node, const char *what,
		     const char **ret_text);

/* Text that is one of choices (NULL ends them): *ret_index says which. */
int config_yaml_choice(const struct config_yaml *yaml, yaml_node_t *node, const char *what,
		       const char *const *choices, unsigned int *ret_index);

int config_yaml_bool(const struct config_yaml *yaml, yaml_node_t *node, const char *what,
		     bool *ret_value);

/* Text of letters, digits, "-", "_" and ".", 1 .. CONFIG_NAME_MAX - 1 of them. */
int config_yaml_name(const struct config_yaml *yaml, yaml_node_t *node, const char *what,
		     char *ret_name);

#endif
