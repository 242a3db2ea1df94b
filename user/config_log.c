/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The session log's keys: what is logged and where it goes. Opens and connects nothing: a folder
 * that is missing and a collector that does not answer are session_log.c's business.
 */
#include "config_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config_limit.h"
#include "config_print.h"
#include "list.h"
#include "parse_util.h"

#define SIZE_DEFAULT 100000000ULL /* 100MB */
#define SIZE_LEAST 10000ULL
#define SIZE_MOST 1000000000000ULL
#define KEEP_DEFAULT 5
#define KEEP_MOST 999
#define DOMAIN_DEFAULT 1
#define TEMPLATES_DEFAULT_S 60
#define TEMPLATES_MOST_S 3600

static const char *const filter_names[] = {
	[CONFIG_LOG_ALL] = "all",
	[CONFIG_LOG_TRANSLATIONS] = "translations",
	[CONFIG_LOG_ERRORS] = "errors",
	NULL,
};

static const char *const protocol_names[] = { "udp", "tcp", NULL };

/* ---- a file ---- */

static int read_file(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config_log_sink *sink = out;
	const char *text;
	int err = config_yaml_text(yaml, node, "file", &text);

	if (err) {
		return err;
	}
	const size_t length = strlen(text);

	if (text[0] != '/' || length >= CONFIG_PATH_MAX || text[length - 1] == '/' ||
	    strstr(text, "//") || strstr(text, "/./") || strstr(text, "/../")) {
		return config_yaml_error(
			yaml, node,
			"file \"%.120s\" cannot be used; it must be an absolute path of at most %d characters with no empty part and no \".\" or \"..\", such as /var/log/natgw/sessions.json",
			text, CONFIG_PATH_MAX - 1);
	}
	memcpy(sink->path, text, length + 1);
	return 0;
}

/* "100MB": what parse_util calls 100M, and the B. */
static int parse_size(const char *text, uint64_t *ret_bytes)
{
	const size_t length = strlen(text);
	char number[24];

	if (length < 2 || length > sizeof(number) || text[length - 1] != 'B') {
		return -EINVAL;
	}
	(void)snprintf(number, sizeof(number), "%.*s", (int)length - 1, text);
	return parse_util_scaled(number, ret_bytes);
}

static int read_rotate_size(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config_log_sink *sink = out;
	uint64_t bytes = 0;
	const char *text;
	int err = config_yaml_text(yaml, node, "rotate_size", &text);

	if (err) {
		return err;
	}
	if (strcmp(text, "off") == 0) {
		sink->rotate_size = 0;
		return 0;
	}
	if (parse_size(text, &bytes) || bytes < SIZE_LEAST || bytes > SIZE_MOST) {
		return config_yaml_error(
			yaml, node,
			"rotate_size \"%.40s\" is not a size from 10kB to 1000GB; write 100MB, or off when something else rotates the file",
			text);
	}
	sink->rotate_size = bytes;
	return 0;
}

static int read_rotate_keep(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_limit_bounds bounds = { "rotate_keep", 1, KEEP_MOST };
	struct config_log_sink *sink = out;

	return config_limit_number(yaml, node, &bounds, &sink->rotate_keep);
}

/* ---- a collector ---- */

static int read_ipfix(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config_log_sink *sink = out;
	const char *text;
	int err = config_yaml_text(yaml, node, "ipfix", &text);

	if (err) {
		return err;
	}
	if (parse_util_listen(text, sink->addr, sizeof(sink->addr), &sink->port)) {
		return config_yaml_error(
			yaml, node,
			"ipfix \"%.60s\" is not an address and a port (1 to 65535); write 192.0.2.1:4739 or \"[2001:db8::1]:4739\" (in quotes); names are not looked up",
			text);
	}
	return 0;
}

static int read_protocol(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config_log_sink *sink = out;
	unsigned int index = 0;
	int err = config_yaml_choice(yaml, node, "protocol", protocol_names, &index);

	if (!err) {
		sink->tcp = index == 1;
	}
	return err;
}

static int read_domain(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_limit_bounds bounds = { "domain", 0, UINT32_MAX };
	struct config_log_sink *sink = out;

	return config_limit_number(yaml, node, &bounds, &sink->domain);
}

static int read_template_interval(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config_log_sink *sink = out;
	const char *text;
	int err = config_yaml_text(yaml, node, "template_interval", &text);

	if (err) {
		return err;
	}
	if (parse_util_duration(text, &sink->template_interval_s) || !sink->template_interval_s ||
	    sink->template_interval_s > TEMPLATES_MOST_S) {
		return config_yaml_error(yaml, node,
					 "template_interval \"%.40s\" is not a time from 1s to %us",
					 text, TEMPLATES_MOST_S);
	}
	return 0;
}

/* ---- the list ---- */

static bool has_key(yaml_document_t *document, const yaml_node_t *node, const char *key)
{
	if (node->type != YAML_MAPPING_NODE) {
		return false;
	}
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *name = yaml_document_get_node(document, pair->key);

		if (name && name->type == YAML_SCALAR_NODE &&
		    strcmp((const char *)name->data.scalar.value, key) == 0) {
			return true;
		}
	}
	return false;
}

static bool same_place(const struct config_log_sink *left, const struct config_log_sink *right)
{
	return strcmp(left->path, right->path) == 0 && strcmp(left->addr, right->addr) == 0 &&
	       left->port == right->port && left->tcp == right->tcp;
}

static int check_new(const struct config_yaml *yaml, const struct config_session_log *log,
		     const struct config_log_sink *sink)
{
	for (size_t i = 0; i < log->sink_count; i++) {
		if (same_place(&log->sinks[i], sink)) {
			return config_yaml_error_at(
				yaml, sink->place,
				"this sink goes to the same place as the one in line %u; leave one of them out",
				log->sinks[i].place.line);
		}
	}
	return 0;
}

/* Each kind has keys of its own: one of the other kind is an unknown one. */
static int read_keys(struct config_yaml *yaml, yaml_node_t *node, struct config_log_sink *sink)
{
	static const struct config_yaml_key file_keys[] = {
		{ "file", true, read_file },
		{ "rotate_size", false, read_rotate_size },
		{ "rotate_keep", false, read_rotate_keep },
		{ NULL, false, NULL },
	};
	static const struct config_yaml_key ipfix_keys[] = {
		{ "ipfix", true, read_ipfix },
		{ "protocol", false, read_protocol },
		{ "domain", false, read_domain },
		{ "template_interval", false, read_template_interval },
		{ NULL, false, NULL },
	};
	const bool is_file = has_key(&yaml->document, node, "file");

	if (is_file == has_key(&yaml->document, node, "ipfix")) {
		return config_yaml_error(
			yaml, node,
			"a sink of session_log must have one of the keys file and ipfix; write {file: PATH} or {ipfix: ADDRESS:PORT}, each as an item of its own");
	}
	if (is_file) {
		sink->rotate_size = SIZE_DEFAULT;
		sink->rotate_keep = KEEP_DEFAULT;
		return config_yaml_mapping(yaml, node, "a file of session_log", file_keys, sink);
	}
	sink->domain = DOMAIN_DEFAULT;
	sink->template_interval_s = TEMPLATES_DEFAULT_S;
	return config_yaml_mapping(yaml, node, "an IPFIX collector of session_log", ipfix_keys,
				   sink);
}

static int read_sink(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config_session_log *log = out;
	struct config_log_sink sink = { .place = config_yaml_place(node) };
	struct config_log_sink *grown;
	int err = 0;

	if (log->sink_count >= CONFIG_LOG_SINKS_MAX) {
		return config_yaml_error(yaml, node, "too many sinks of session_log; at most %d",
					 CONFIG_LOG_SINKS_MAX);
	}
	err = read_keys(yaml, node, &sink);
	err = err ?: check_new(yaml, log, &sink);
	if (err) {
		return err;
	}
	grown = list_room(log->sinks, log->sink_count, sizeof(*grown));
	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	log->sinks = grown;
	log->sinks[log->sink_count++] = sink;
	return 0;
}

static int read_sinks(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "sinks of session_log", read_sink, false };

	return config_yaml_list(yaml, node, &items, out);
}

static int read_filter(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config_session_log *log = out;
	unsigned int index = 0;
	int err = config_yaml_choice(yaml, node, "filter", filter_names, &index);

	if (!err) {
		log->filter = (enum config_log_filter)index;
	}
	return err;
}

int config_log_read(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "filter", false, read_filter },
		{ "sinks", true, read_sinks },
		{ NULL, false, NULL },
	};
	struct config *config = out;

	return config_yaml_mapping(yaml, node, "session_log", keys, &config->session_log);
}

/* ---- and back ---- */

static void print_size(FILE *stream, uint64_t bytes)
{
	static const struct {
		uint64_t factor;
		const char *unit;
	} units[] = { { 1000000000, "G" }, { 1000000, "M" }, { 1000, "k" }, { 1, "" } };
	size_t i = 0;

	if (!bytes) {
		(void)fputs("off", stream);
		return;
	}
	while (bytes % units[i].factor)
		i++;
	(void)fprintf(stream, "%" PRIu64 "%sB", bytes / units[i].factor, units[i].unit);
}

static void print_sink(FILE *stream, const struct config_log_sink *sink)
{
	if (sink->path[0]) {
		(void)fputs("    - file: ", stream);
		config_print_text(stream, sink->path);
		(void)fputs("\n      rotate_size: ", stream);
		print_size(stream, sink->rotate_size);
		(void)fprintf(stream, "\n      rotate_keep: %u\n", sink->rotate_keep);
		return;
	}
	(void)fprintf(stream,
		      strchr(sink->addr, ':') ? "    - ipfix: \"[%s]:%u\"\n"
					      : "    - ipfix: %s:%u\n",
		      sink->addr, sink->port);
	(void)fprintf(stream,
		      "      protocol: %s\n      domain: %u\n      template_interval: %us\n",
		      protocol_names[sink->tcp], sink->domain, sink->template_interval_s);
}

void config_log_print(FILE *stream, const struct config_session_log *log)
{
	if (!log->sink_count) {
		return;
	}
	(void)fprintf(stream, "session_log:\n  filter: %s\n  sinks:\n", filter_names[log->filter]);
	for (size_t i = 0; i < log->sink_count; i++) {
		print_sink(stream, &log->sinks[i]);
	}
}
