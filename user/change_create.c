// SPDX-License-Identifier: GPL-2.0-only
/*
 * A gateway from the words of a command: they are put into a config of nothing else, which is read
 * as a file would be, so that every form a file allows is allowed here and nothing more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "change_internal.h"
#include "cleanup.h"
#include "config_print.h"
#include "list.h"

static bool is_printable(const char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~') {
			return false;
		}
	}
	return true;
}

/* "a, b" as ["a", "b"] */
static int print_list(FILE *stream, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	const char *before = "";
	char *rest = NULL;

	if (!copy) {
		return -ENOMEM;
	}
	(void)fputc('[', stream);
	for (char *item = strtok_r(copy, ", ", &rest); item; item = strtok_r(NULL, ", ", &rest)) {
		(void)fputs(before, stream);
		config_print_text(stream, item);
		before = ", ";
	}
	(void)fputs("]\n", stream);
	return 0;
}

static void print_key(FILE *stream, const char *key, const char *value)
{
	(void)fputs(key, stream);
	config_print_text(stream, value);
	(void)fputc('\n', stream);
}

static int print_table(FILE *stream, const struct change_gateway *gateway)
{
	char target[2 * CONFIG_NAME_MAX];
	int err;

	print_key(stream, "route_tables:\n  - name: ", gateway->name);
	if (!gateway->subnets) {
		(void)fputs("    main: true\n", stream);
		return 0;
	}
	(void)fputs("    subnets: ", stream);
	err = print_list(stream, gateway->subnets);
	(void)snprintf(target, sizeof(target), "gateway:%s", gateway->name);
	print_key(stream, "    routes:\n      - to: 0.0.0.0/0\n        target: ", target);
	return err;
}

static int print_gateway(FILE *stream, const struct change_gateway *gateway)
{
	int err;

	print_key(stream, "interfaces: {external: ext0, internal: int0}\ngateways:\n  - name: ",
		  gateway->name);
	print_key(stream, "    private_ip: ", gateway->private_ip);
	(void)fputs("    eips: ", stream);
	err = print_list(stream, gateway->eips);
	if (gateway->profile) {
		print_key(stream, "    profile: ", gateway->profile);
	}
	return err ? err : print_table(stream, gateway);
}

static int check_words(const struct change_gateway *gateway, char *error)
{
	const char *const words[] = { gateway->name, gateway->private_ip, gateway->eips,
				      gateway->subnets, gateway->profile };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i] && !is_printable(words[i])) {
			return change_say(error,
					  "a word with other characters than printable ASCII");
		}
	}
	return 0;
}

int change_create_parse(const struct change_gateway *gateway, uint32_t sessions,
			struct config **ret_config, char *error)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *stream;
	int err = check_words(gateway, error);

	if (err) {
		return err;
	}
	stream = open_memstream(&text, &size);
	if (!stream) {
		return -ENOMEM;
	}
	(void)fprintf(stream, "limits: {sessions: %u}\n", sessions);
	err = print_gateway(stream, gateway);
	if (fclose(stream) != 0 && !err) {
		err = -ENOMEM;
	}
	return err ? err : change_parse(NULL, text, size, ret_config, error);
}

int change_create_add(struct config *config, struct config *one)
{
	struct config_gateway *gateways = reallocarray(config->gateways, config->gateway_count + 1,
						       sizeof(*config->gateways));
	struct config_route_table *tables;

	if (!gateways) {
		return -ENOMEM;
	}
	config->gateways = gateways;
	gateways[config->gateway_count++] = one->gateways[0];
	one->gateway_count = 0;
	if (one->tables[0].is_main) {
		return 0;
	}
	tables = list_room(config->tables, config->table_count, sizeof(*config->tables));
	if (!tables) {
		return -ENOMEM;
	}
	config->tables = tables;
	tables[config->table_count++] = one->tables[0];
	one->table_count = 0;
	return 0;
}
