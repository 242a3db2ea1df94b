/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names and values that the operator gives a gateway, for whoever sorts gateways by them. They mean
 * nothing to natgw. Every name has to stay one label of metrics, where "-" and "." become "_".
 */
#include "config_tag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_gateway.h"
#include "config_print.h"
#include "list.h"

static bool is_name(const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t length = strlen(name);

	return length && length < CONFIG_NAME_MAX && strspn(name, allowed) == length;
}

static bool is_value(const char *value)
{
	size_t length = strlen(value);

	for (size_t i = 0; i < length; i++) {
		if (value[i] < ' ' || value[i] > '~') {
			return false;
		}
	}
	return length < CONFIG_TAG_VALUE_MAX;
}

static bool same_label(const char *left, const char *right)
{
	for (; *left && *right; left++, right++) {
		bool left_other = *left == '-' || *left == '.' || *left == '_';
		bool right_other = *right == '-' || *right == '.' || *right == '_';

		if (left_other != right_other || (!left_other && *left != *right)) {
			return false;
		}
	}
	return *left == *right;
}

static int add(struct config_gateway *gateway, const char *name, const char *value)
{
	struct config_tag *grown;

	if (gateway->tag_count == CONFIG_TAGS_MAX) {
		return -ENOSPC;
	}
	grown = list_room(gateway->tags, gateway->tag_count, sizeof(*grown));
	if (!grown) {
		return -ENOMEM;
	}
	gateway->tags = grown;
	grown += gateway->tag_count++;
	(void)snprintf(grown->name, sizeof(grown->name), "%s", name);
	(void)snprintf(grown->value, sizeof(grown->value), "%s", value);
	return 0;
}

static void take_out(struct config_gateway *gateway, struct config_tag *tag)
{
	size_t behind = (size_t)(gateway->tags + gateway->tag_count - (tag + 1));

	memmove(tag, tag + 1, behind * sizeof(*tag));
	gateway->tag_count--;
}

static void put(struct config_gateway *gateway, struct config_tag *tag, const char *value)
{
	if (value[0]) {
		(void)snprintf(tag->value, sizeof(tag->value), "%s", value);
	} else {
		take_out(gateway, tag);
	}
}

int config_tag_set(struct config_gateway *gateway, const char *name, const char *value)
{
	if (!is_name(name) || !is_value(value)) {
		return -EINVAL;
	}
	for (size_t i = 0; i < gateway->tag_count; i++) {
		struct config_tag *tag = &gateway->tags[i];

		if (strcmp(tag->name, name) == 0) {
			put(gateway, tag, value);
			return 0;
		}
		if (value[0] && same_label(tag->name, name)) {
			return -EEXIST;
		}
	}
	return value[0] ? add(gateway, name, value) : 0;
}

/* ---- the file ---- */

static int read_pair(struct config_yaml *yaml, const yaml_node_pair_t *pair,
		     struct config_gateway *gateway)
{
	yaml_node_t *key = yaml_document_get_node(&yaml->document, pair->key);
	yaml_node_t *node = yaml_document_get_node(&yaml->document, pair->value);
	char name[CONFIG_NAME_MAX];
	const char *value = "";
	int err = config_yaml_name(yaml, key, "the name of a tag", name);

	err = err ?: config_yaml_text(yaml, node, "the value of a tag", &value);
	if (err) {
		return err;
	}
	for (size_t i = 0; i < gateway->tag_count; i++) {
		if (same_label(gateway->tags[i].name, name)) {
			return config_yaml_error(
				yaml, key,
				"tag \"%s\" is the same as tag \"%s\" where \"-\" and \".\" become \"_\", in the labels of metrics; name it otherwise",
				name, gateway->tags[i].name);
		}
	}
	if (!value[0] || !is_value(value)) {
		return config_yaml_error(
			yaml, node,
			"the value of tag \"%s\" cannot be used; it must have 1 to %d printable ASCII characters",
			name, CONFIG_TAG_VALUE_MAX - 1);
	}
	err = add(gateway, name, value);
	if (err == -ENOSPC) {
		return config_yaml_error(yaml, key, "too many tags; at most %d fit",
					 CONFIG_TAGS_MAX);
	}
	return err ? config_yaml_no_memory(yaml) : 0;
}

int config_tag_read(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	int err = 0;

	if (node->type != YAML_MAPPING_NODE) {
		return config_yaml_error(yaml, node,
					 "tags must be a mapping, lines of \"name: value\"");
	}
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     !err && pair < node->data.mapping.pairs.top; pair++) {
		err = read_pair(yaml, pair, draft->gateway);
	}
	return err;
}

void config_tag_print(FILE *stream, const struct config_gateway *gateway)
{
	if (gateway->tag_count) {
		(void)fputs("    tags:\n", stream);
	}
	for (size_t i = 0; i < gateway->tag_count; i++) {
		(void)fputs("      ", stream);
		config_print_text(stream, gateway->tags[i].name);
		(void)fputs(": ", stream);
		config_print_text(stream, gateway->tags[i].value);
		(void)fputc('\n', stream);
	}
}
