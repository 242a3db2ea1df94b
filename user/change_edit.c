// SPDX-License-Identifier: GPL-2.0-only
/*
 * Edits of a config in memory: a gateway goes, gets or loses EIPs or tags; a route changes. Not
 * responsible for whether the outcome is a valid config: config_parse is, which reads its text.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "change_internal.h"
#include "cleanup.h"
#include "config_eip.h"
#include "config_prefix.h"
#include "config_tag.h"
#include "list.h"
#include "parse_util.h"
#include "words.h"

/* Element i goes; the others keep their order. */
static void take_out(void *array, size_t *count, size_t size, size_t i)
{
	char *element = (char *)array + i * size;

	(*count)--;
	memmove(element, element + size, (*count - i) * size);
}

#define TAKE_OUT(array, count, i) take_out(array, &(count), sizeof((array)[0]), i)

int change_say(char *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(error, CHANGE_ERROR_MAX, format, args);
	va_end(args);
	return -EINVAL;
}

int change_no_gateway(const struct config *config, const char *name, char *error)
{
	struct words words = words_begin(name);
	char hint[WORDS_HINT_MAX];

	for (size_t i = 0; i < config->gateway_count; i++) {
		words_add(&words, config->gateways[i].name);
	}
	words_hint(&words, hint);
	(void)change_say(error, "there is no gateway \"%.40s\"; %sthe gateways are: %s", name, hint,
			 config->gateway_count ? words.text : "none");
	return -ENOENT;
}

static struct config_gateway *find_gateway(struct config *config, const char *name)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		if (strcmp(config->gateways[i].name, name) == 0) {
			return &config->gateways[i];
		}
	}
	return NULL;
}

/* ---- a gateway goes ---- */

static void release(struct config_gateway *gateway)
{
	free(gateway->eips);
	free(gateway->shared);
	free(gateway->tags);
}

static void drop_rules(struct config *config, const char *name)
{
	for (size_t i = config->rule_count; i-- > 0;) {
		if (strcmp(config->rules[i].gateway, name) == 0) {
			free(config->rules[i].eips);
			TAKE_OUT(config->rules, config->rule_count, i);
		}
	}
}

static void drop_forwards(struct config *config, const char *name)
{
	for (size_t i = config->forward_count; i-- > 0;) {
		if (strcmp(config->forwards[i].gateway, name) == 0) {
			TAKE_OUT(config->forwards, config->forward_count, i);
		}
	}
}

/* The public address of an EIP in two stages would become a host's. */
static void drop_stages(struct config *config, const struct config_gateway *gateway,
			const __be32 *eips, size_t count)
{
	for (size_t i = config->one_to_one_count; gateway->two_stage && i-- > 0;) {
		if (config_eip_in(eips, count, config->one_to_one[i].private_addr)) {
			TAKE_OUT(config->one_to_one, config->one_to_one_count, i);
		}
	}
}

static bool is_named(const struct config *config, const char *table)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		if (strcmp(config->gateways[i].table, table) == 0) {
			return true;
		}
	}
	return false;
}

/* A table that nobody asks any more. */
static void drop_own_table(struct config *config, const char *name)
{
	for (size_t i = config->table_count; name[0] && i-- > 0;) {
		struct config_route_table *table = &config->tables[i];

		if (strcmp(table->name, name) == 0 && !table->subnet_count && !table->is_main &&
		    !is_named(config, name)) {
			free(table->subnets);
			free(table->routes);
			TAKE_OUT(config->tables, config->table_count, i);
		}
	}
}

int change_edit_delete(struct config *config, const char *name, char *error)
{
	struct config_gateway *gateway = find_gateway(config, name);
	char table[CONFIG_NAME_MAX];

	if (!gateway) {
		return change_no_gateway(config, name, error);
	}
	drop_rules(config, name);
	drop_forwards(config, name);
	drop_stages(config, gateway, gateway->eips, gateway->eip_count);
	memcpy(table, gateway->table, sizeof(table));
	release(gateway);
	TAKE_OUT(config->gateways, config->gateway_count, (size_t)(gateway - config->gateways));
	drop_own_table(config, table);
	return 0;
}

/* ---- EIPs ---- */

static bool contains(const __be32 *list, size_t count, __be32 addr)
{
	return config_eip_in(list, count, addr);
}

static int append_span(uint32_t first, uint32_t last, __be32 **addrs, size_t *count, char *error)
{
	for (uint64_t host = first; host <= last; host++) {
		__be32 *grown;

		if (*count == NATGW_EIPS_MAX) {
			return change_say(error, "too many addresses; natgw holds %d EIPs",
					  NATGW_EIPS_MAX);
		}
		if (contains(*addrs, *count, htonl((uint32_t)host))) {
			continue;
		}
		grown = list_room(*addrs, *count, sizeof(**addrs));
		if (!grown) {
			return -ENOMEM;
		}
		*addrs = grown;
		grown[(*count)++] = htonl((uint32_t)host);
	}
	return 0;
}

static int append_item(const char *item, __be32 **addrs, size_t *count, char *error)
{
	__be32 first;
	__be32 last;
	uint8_t len;

	if (parse_util_address(item, &first) == 0) {
		last = first;
	} else if (parse_util_prefix(item, &first, &len) == 0 &&
		   first == parse_util_network(first, len)) {
		last = first | ~parse_util_network(UINT32_MAX, len);
	} else if (parse_util_range(item, &first, &last) != 0) {
		return change_say(
			error,
			"\"%.60s\" is not an EIP; write an address, a range or a prefix, such as 203.0.113.10, 203.0.113.10-203.0.113.12 or 203.0.113.8/30, and commas between several",
			item);
	}
	return append_span(ntohl(first), ntohl(last), addrs, count, error);
}

int change_addresses(const char *text, __be32 **ret_addrs, size_t *ret_count, char *error)
{
	_cleanup_free_ char *copy = strdup(text);
	_cleanup_free_ __be32 *addrs = NULL;
	size_t count = 0;
	char *rest = NULL;
	int err = copy ? 0 : -ENOMEM;

	for (char *item = copy ? strtok_r(copy, ", ", &rest) : NULL; !err && item;
	     item = strtok_r(NULL, ", ", &rest)) {
		err = append_item(item, &addrs, &count, error);
	}
	if (!err && !count) {
		err = change_say(error, "no EIP is named; write addresses with commas between");
	}
	if (err) {
		return err;
	}
	*ret_addrs = TAKE_PTR(addrs);
	*ret_count = count;
	return 0;
}

int change_edit_attach(struct config *config, const char *name, const char *eips, char *error)
{
	struct config_gateway *gateway = find_gateway(config, name);
	_cleanup_free_ __be32 *addrs = NULL;
	size_t count = 0;
	char text[INET_ADDRSTRLEN];
	__be32 *grown;
	int err;

	if (!gateway) {
		return change_no_gateway(config, name, error);
	}
	err = change_addresses(eips, &addrs, &count, error);
	if (err) {
		return err;
	}
	for (size_t i = 0; i < count; i++) {
		if (contains(gateway->eips, gateway->eip_count, addrs[i])) {
			return change_say(error, "%s is an EIP of gateway \"%s\" already",
					  config_eip_text(addrs[i], text), name);
		}
	}
	grown = reallocarray(gateway->eips, gateway->eip_count + count, sizeof(*grown));
	if (!grown) {
		return -ENOMEM;
	}
	gateway->eips = grown;
	memcpy(&grown[gateway->eip_count], addrs, count * sizeof(*addrs));
	gateway->eip_count += count;
	return 0;
}

int change_edit_detach(struct config *config, const char *name, const char *eips, char *error)
{
	struct config_gateway *gateway = find_gateway(config, name);
	_cleanup_free_ __be32 *addrs = NULL;
	size_t count = 0;
	char text[INET_ADDRSTRLEN];
	int err;

	if (!gateway) {
		return change_no_gateway(config, name, error);
	}
	err = change_addresses(eips, &addrs, &count, error);
	for (size_t i = 0; !err && i < count; i++) {
		if (!contains(gateway->eips, gateway->eip_count, addrs[i])) {
			err = change_say(error, "%s is not in the list of EIPs of gateway \"%s\"",
					 config_eip_text(addrs[i], text), name);
		}
	}
	if (err) {
		return err;
	}
	for (size_t i = gateway->eip_count; i-- > 0;) {
		if (contains(addrs, count, gateway->eips[i])) {
			TAKE_OUT(gateway->eips, gateway->eip_count, i);
		}
	}
	if (!gateway->eip_count && !gateway->no_default_snat) {
		return change_say(
			error,
			"gateway \"%s\" would have no EIP left; attach another one first, or delete the gateway",
			name);
	}
	drop_stages(config, gateway, addrs, count);
	return 0;
}

/* ---- routes ---- */

static struct config_route_table *find_table(struct config *config, const char *name, char *error)
{
	struct words words = words_begin(name);
	char hint[WORDS_HINT_MAX];

	for (size_t i = 0; i < config->table_count; i++) {
		if (strcmp(config->tables[i].name, name) == 0) {
			return &config->tables[i];
		}
		words_add(&words, config->tables[i].name);
	}
	words_hint(&words, hint);
	(void)change_say(error, "there is no route table \"%.40s\"; %sthe route tables are: %s",
			 name, hint, words.text);
	return NULL;
}

/* As config_table.c reads it; whether there is such a gateway or interface is its business. */
static int read_target(const char *text, struct config_route *route, char *error)
{
	static const enum natgw_target plain[] = { NATGW_TARGET_LOCAL, NATGW_TARGET_BLACKHOLE,
						   NATGW_TARGET_INTERNET };
	static const enum natgw_target named[] = { NATGW_TARGET_GATEWAY, NATGW_TARGET_INTERFACE };

	route->name[0] = '\0';
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (strcmp(text, config_target_name(plain[i])) == 0) {
			route->target = plain[i];
			return 0;
		}
	}
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		const char *word = config_target_name(named[i]);
		size_t length = strlen(word);

		if (strncmp(text, word, length) == 0 && text[length] == ':' &&
		    strlen(text + length + 1) < sizeof(route->name)) {
			route->target = named[i];
			(void)snprintf(route->name, sizeof(route->name), "%s", text + length + 1);
			return 0;
		}
	}
	return change_say(
		error,
		"unknown target \"%.60s\"; it is gateway:NAME, interface:NAME, local, blackhole or internet",
		text);
}

static int add_route(struct config_route_table *table, const struct config_route *route)
{
	struct config_route *grown =
		list_room(table->routes, table->route_count, sizeof(*table->routes));

	if (!grown) {
		return -ENOMEM;
	}
	table->routes = grown;
	grown[table->route_count++] = *route;
	return 0;
}

int change_edit_route(struct config *config, const char *table_name, const char *prefix,
		      const char *target, char *error)
{
	struct config_route_table *table = find_table(config, table_name, error);
	struct config_route route = { .origin = NATGW_ORIGIN_STATIC };

	if (!table) {
		return -ENOENT;
	}
	if (parse_util_prefix(prefix, &route.to.addr, &route.to.len) != 0 ||
	    route.to.addr != parse_util_network(route.to.addr, route.to.len)) {
		return change_say(
			error,
			"\"%.60s\" is not a prefix without host bits; write one such as 0.0.0.0/0 or 10.1.0.0/16",
			prefix);
	}
	if (read_target(target, &route, error)) {
		return -EINVAL;
	}
	if (route.target == NATGW_TARGET_GATEWAY && !find_gateway(config, route.name)) {
		return change_no_gateway(config, route.name, error);
	}
	for (size_t i = 0; i < table->route_count; i++) {
		if (config_prefix_equal(table->routes[i].to, route.to)) {
			table->routes[i] = route;
			return 0;
		}
	}
	return add_route(table, &route);
}

/* ---- tags ---- */

static int set_tag(struct config_gateway *gateway, const char *key, const json_t *value,
		   char *error)
{
	const char *text = json_string_value(value);
	int err = text ? config_tag_set(gateway, key, text) : -EINVAL;

	switch (err) {
	case -EINVAL:
		return change_say(
			error,
			"tag \"%.40s\" cannot be set; write key=value: letters, digits, \"-\", \"_\" and \".\" in the key (at most %d), at most %d printable ASCII characters in the value",
			key, CONFIG_NAME_MAX - 1, CONFIG_TAG_VALUE_MAX - 1);
	case -EEXIST:
		return change_say(
			error,
			"tag \"%.40s\" is the same as another one of gateway \"%s\" where \"-\" and \".\" become \"_\", in the labels of metrics; name it otherwise",
			key, gateway->name);
	case -ENOSPC:
		return change_say(error, "gateway \"%s\" has %d tags, and more do not fit",
				  gateway->name, CONFIG_TAGS_MAX);
	default:
		return err;
	}
}

int change_edit_tag(struct config *config, const char *name, json_t *tags, char *error)
{
	struct config_gateway *gateway = find_gateway(config, name);
	const char *key;
	json_t *value;
	int err = 0;

	if (!gateway) {
		return change_no_gateway(config, name, error);
	}
	json_object_foreach (tags, key, value) {
		err = err ? err : set_tag(gateway, key, value, error);
	}
	return err;
}
