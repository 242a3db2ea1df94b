/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A config as a tree of objects, each by its name. Made from the canonical text, so that a key
 * which is printed is compared as well. jansson takes NULL for "out of memory" and hands it on;
 * what cannot be put in is noticed by put().
 */
#include "config_diff.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "cleanup.h"
#include "config_eip.h"

struct tree {
	json_t *objects;
	bool failed;
};

static void put(struct tree *tree, json_t *object, const char *key, json_t *value)
{
	if (!key || json_object_set_new(object, key, value) < 0) {
		tree->failed = true;
	}
}

static json_t *objects_of(struct tree *tree, const char *object)
{
	json_t *objects = json_object_get(tree->objects, object);

	if (!objects) {
		put(tree, tree->objects, object, json_object());
		objects = json_object_get(tree->objects, object);
	}
	return objects;
}

static void put_object(struct tree *tree, const char *object, const char *name, json_t *value)
{
	put(tree, objects_of(tree, object), name, value);
}

/* ---- YAML as JSON ---- */

static json_t *node_json(yaml_document_t *document, int number);

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the canonical form is */
static json_t *sequence_json(yaml_document_t *document, const yaml_node_t *node)
{
	json_t *json = json_array();

	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top; item++) {
		if (json_array_append_new(json, node_json(document, *item)) < 0) {
			json_decref(json);
			return NULL;
		}
	}
	return json;
}

/* NOLINTNEXTLINE(misc-no-recursion): the same */
static json_t *mapping_json(yaml_document_t *document, const yaml_node_t *node)
{
	json_t *json = json_object();

	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(document, pair->key);

		if (json_object_set_new(json, (const char *)key->data.scalar.value,
					node_json(document, pair->value)) < 0) {
			json_decref(json);
			return NULL;
		}
	}
	return json;
}

/* NOLINTNEXTLINE(misc-no-recursion): the same */
static json_t *node_json(yaml_document_t *document, int number)
{
	const yaml_node_t *node = yaml_document_get_node(document, number);

	if (node && node->type == YAML_SCALAR_NODE) {
		return json_stringn((const char *)node->data.scalar.value,
				    node->data.scalar.length);
	}
	if (node && node->type == YAML_SEQUENCE_NODE) {
		return sequence_json(document, node);
	}
	return node ? mapping_json(document, node) : NULL;
}

static json_t *parse_text(const char *text, size_t size)
{
	yaml_parser_t parser;
	yaml_document_t document;
	json_t *json = NULL;

	if (!yaml_parser_initialize(&parser)) {
		return NULL;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	if (yaml_parser_load(&parser, &document)) {
		json = node_json(&document, 1);
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	return json;
}

static json_t *canonical(const struct config *config)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	int err = stream ? config_print(config, stream) : -ENOMEM;

	if (stream && fclose(stream) != 0) {
		err = -ENOMEM;
	}
	return err ? NULL : parse_text(text, size);
}

/* ---- lists by name ---- */

static const char *text_of(const json_t *item, const char *key)
{
	return json_string_value(json_object_get(item, key));
}

static void add_named(struct tree *tree, const json_t *list, const char *object, const char *key)
{
	size_t i;
	json_t *item;

	json_array_foreach (list, i, item) {
		put_object(tree, object, text_of(item, key), json_incref(item));
	}
}

/* "TABLE 10.0.0.0/8" */
static void add_in_table(struct tree *tree, const char *object, const char *table, const char *to,
			 json_t *value)
{
	char name[CONFIG_NAME_MAX + 32];

	(void)snprintf(name, sizeof(name), "%s %s", table, to ? to : "");
	put_object(tree, object, name, value);
}

/* Routes and subnets are objects of their own. */
static void add_table(struct tree *tree, json_t *table)
{
	const char *name = text_of(table, "name");
	json_t *rest = json_copy(table);
	size_t i;
	json_t *item;

	json_array_foreach (json_object_get(table, "routes"), i, item) {
		add_in_table(tree, "route", name, text_of(item, "to"), json_incref(item));
	}
	json_array_foreach (json_object_get(table, "subnets"), i, item) {
		add_in_table(tree, "subnet", name, json_string_value(item), json_object());
	}
	json_object_del(rest, "routes");
	json_object_del(rest, "subnets");
	put_object(tree, "route_table", name, rest);
}

static void add_forward(struct tree *tree, json_t *forward)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%s %s:%s", text_of(forward, "protocol"),
		       text_of(forward, "address"), text_of(forward, "port"));
	put_object(tree, "forward", name, json_incref(forward));
}

/* {deny: PREFIX} by its prefix, which stands once in the list. */
static void add_acl(struct tree *tree, json_t *entry)
{
	const char *action;
	json_t *prefix;

	json_object_foreach (entry, action, prefix) {
		put_object(tree, "acl", json_string_value(prefix),
			   json_pack("{s:s}", "action", action));
	}
}

static void add_lists(struct tree *tree, json_t *canon)
{
	size_t i;
	json_t *item;

	add_named(tree, json_object_get(canon, "gateways"), "gateway", "name");
	add_named(tree, json_object_get(canon, "one_to_one"), "mapping", "private");
	json_array_foreach (json_object_get(canon, "route_tables"), i, item) {
		add_table(tree, item);
	}
	json_array_foreach (json_object_get(canon, "port_forwards"), i, item) {
		add_forward(tree, item);
	}
	json_array_foreach (json_object_get(canon, "acl"), i, item) {
		add_acl(tree, item);
	}
	put(tree, tree->objects, "rule", json_incref(json_object_get(canon, "rules")));
}

/* ---- EIPs one by one, whatever list they stand in ---- */

static void add_eips(struct tree *tree, const struct config_gateway *gateway, const __be32 *eips,
		     size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char text[INET_ADDRSTRLEN];
		bool shared = config_eip_in(gateway->shared, gateway->shared_count, eips[i]);

		put_object(tree, "eip", config_eip_text(eips[i], text),
			   json_pack("{s:s, s:s}", "gateway", gateway->name, "shared",
				     shared ? "true" : "false"));
	}
}

static void add_all_eips(struct tree *tree, const struct config *config)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		const struct config_gateway *gateway = &config->gateways[i];

		add_eips(tree, gateway, gateway->eips, gateway->eip_count);
	}
	for (size_t i = 0; i < config->rule_count; i++) {
		const struct config_rule *rule = &config->rules[i];
		const struct config_gateway *gateway = config_find_gateway(config, rule->gateway);

		if (gateway) {
			add_eips(tree, gateway, rule->eips, rule->eip_count);
		}
	}
}

/* The gateways' own lists would say the same again, as ranges. */
static void drop_eip_lists(struct tree *tree)
{
	const char *name;
	json_t *gateway;

	json_object_foreach (objects_of(tree, "gateway"), name, gateway) {
		json_object_del(gateway, "eips");
	}
}

/* ---- the rest ---- */

static void add_settings(struct tree *tree, json_t *canon)
{
	static const char *const lists[] = { "gateways",   "route_tables",  "rules",
					     "one_to_one", "port_forwards", "acl" };
	const char *key;
	json_t *value;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		json_object_del(canon, lists[i]);
	}
	json_object_foreach (canon, key, value) {
		const char *object = strcmp(key, "limits") == 0 ? "limits" : "setting";

		if (json_is_object(value)) {
			put_object(tree, object, key, json_incref(value));
		} else {
			put_object(tree, object, key, json_pack("{s:O}", "value", value));
		}
	}
}

int config_diff_tree(const struct config *config, json_t **ret_tree)
{
	struct tree tree = { .objects = json_object() };
	json_t *canon = canonical(config);

	if (canon) {
		add_lists(&tree, canon);
		add_all_eips(&tree, config);
		drop_eip_lists(&tree);
		add_settings(&tree, canon);
		json_decref(canon);
	}
	if (!canon || !tree.objects || tree.failed) {
		json_decref(tree.objects);
		return -ENOMEM;
	}
	*ret_tree = tree.objects;
	return 0;
}
