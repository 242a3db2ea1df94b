/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The access list: prefixes that are denied or allowed before anything is translated (requirement
 * 10). The longest prefix decides, so their order means nothing and a prefix stands once.
 */
#include "config_acl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config_prefix.h"
#include "list.h"
#include "parse_util.h"

static int read_deny(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config_acl *entry = out;

	entry->deny = true;
	return config_prefix_read(yaml, node, "deny", &entry->prefix);
}

static int read_allow(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config_acl *entry = out;

	return config_prefix_read(yaml, node, "allow", &entry->prefix);
}

/* One of the two keys, and not both. */
static int check_one(const struct config_yaml *yaml, const yaml_node_t *node)
{
	if (node->type != YAML_MAPPING_NODE ||
	    node->data.mapping.pairs.top - node->data.mapping.pairs.start == 1) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"an item of acl must have one key, deny or allow; write {deny: PREFIX} or {allow: PREFIX}, each as an item of its own");
}

static int read_item(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "deny", false, read_deny },
		{ "allow", false, read_allow },
		{ NULL, false, NULL },
	};
	struct config *config = out;
	struct config_acl entry = { .place = config_yaml_place(node) };
	struct config_acl *grown;
	int err;

	if (config->acl_count >= NATGW_ACL_MAX) {
		return config_yaml_error(yaml, node, "too many items in acl; at most %d fit",
					 NATGW_ACL_MAX);
	}
	err = check_one(yaml, node);
	err = err ?: config_yaml_mapping(yaml, node, "an item of acl", keys, &entry);
	if (err) {
		return err;
	}
	grown = list_room(config->acl, config->acl_count, sizeof(*grown));
	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	config->acl = grown;
	config->acl[config->acl_count++] = entry;
	return 0;
}

static int compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

/* By prefix, then by place in the file. */
static int compare(const void *left, const void *right)
{
	const struct config_acl *a = left;
	const struct config_acl *b = right;

	return compare_numbers(a->prefix.addr, b->prefix.addr) ?:
		       compare_numbers(a->prefix.len, b->prefix.len)  ?:
		       compare_numbers(a->place.line, b->place.line)  ?:
		       compare_numbers(a->place.column, b->place.column);
}

static int check_twice(const struct config_yaml *yaml, const struct config *config)
{
	_cleanup_free_ struct config_acl *sorted = NULL;
	char text[PARSE_UTIL_PREFIX_TEXT];

	sorted = reallocarray(NULL, config->acl_count, sizeof(*sorted));
	if (!sorted) {
		return config_yaml_no_memory(yaml);
	}
	memcpy(sorted, config->acl, config->acl_count * sizeof(*sorted));
	qsort(sorted, config->acl_count, sizeof(*sorted), compare);
	for (size_t i = 1; i < config->acl_count; i++) {
		if (config_prefix_equal(sorted[i - 1].prefix, sorted[i].prefix)) {
			return config_yaml_error_at(
				yaml, sorted[i].place,
				"prefix %s is in acl already, in line %u; a prefix is denied or allowed, and stands once",
				config_prefix_text(sorted[i].prefix, text),
				sorted[i - 1].place.line);
		}
	}
	return 0;
}

int config_acl_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "acl", read_item, true };
	const struct config *config = out;
	int err = config_yaml_list(yaml, node, &items, out);

	return err || !config->acl_count ? err : check_twice(yaml, config);
}
