/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration: the top level of the file, everything that has no file of its own,
 * and the life of struct config. Reading changes nothing outside; what is read is complete and
 * consistent, or there is an error and nothing.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "config_acl.h"
#include "config_forward.h"
#include "config_gateway.h"
#include "config_interface.h"
#include "config_inventory.h"
#include "config_limit.h"
#include "config_log.h"
#include "config_one_to_one.h"
#include "config_probe.h"
#include "config_rule.h"
#include "config_subnet.h"
#include "config_table.h"
#include "config_yaml.h"
#include "parse_util.h"
#include "words.h"

static const char *const attach_names[] = {
	[CONFIG_ATTACH_AUTO] = "auto",
	[CONFIG_ATTACH_XDP] = "xdp",
	[CONFIG_ATTACH_XDP_GENERIC] = "xdp-generic",
	[CONFIG_ATTACH_XDP_SHARED] = "xdp-shared",
	[CONFIG_ATTACH_TC] = "tc",
	NULL,
};

const char *config_attach_name(enum config_attach attach)
{
	return attach_names[attach];
}

const char *config_target_name(enum natgw_target target)
{
	switch (target) {
	case NATGW_TARGET_GATEWAY:
		return "gateway";
	case NATGW_TARGET_LOCAL:
		return "local";
	case NATGW_TARGET_INTERFACE:
		return "interface";
	case NATGW_TARGET_BLACKHOLE:
		return "blackhole";
	case NATGW_TARGET_INTERNET:
		return "internet";
	case NATGW_TARGET_VPN:
		return "vpn";
	}
	return "unknown";
}

const struct config_gateway *config_find_gateway(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		if (strcmp(config->gateways[i].name, name) == 0) {
			return &config->gateways[i];
		}
	}
	return NULL;
}

void config_free(struct config *config)
{
	if (!config) {
		return;
	}
	for (size_t i = 0; i < config->gateway_count; i++) {
		free(config->gateways[i].eips);
		free(config->gateways[i].shared);
		free(config->gateways[i].tags);
	}
	for (size_t i = 0; i < config->table_count; i++) {
		free(config->tables[i].subnets);
		free(config->tables[i].routes);
	}
	for (size_t i = 0; i < config->rule_count; i++) {
		free(config->rules[i].eips);
	}
	free(config->gateways);
	free(config->tables);
	free(config->rules);
	free(config->one_to_one);
	free(config->forwards);
	free(config->acl);
	free(config->internal_prefixes);
	free(config->local);
	free(config->interfaces);
	free(config->session_log.sinks);
	free(config->inventory);
	free(config->file);
	free(config);
}

/* ---- single values ---- */

static int read_attach(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config *config = out;
	unsigned int index;
	int err;

	err = config_yaml_choice(yaml, node, "attach", attach_names, &index);
	if (!err) {
		config->attach = (enum config_attach)index;
	}
	return err;
}

static int read_sessions(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_limit_bounds bounds = { "sessions", NATGW_SESSIONS_MIN,
							   NATGW_SESSIONS_MAX };
	struct config *config = out;

	config->sessions_place = config_yaml_place(node);
	return config_limit_number(yaml, node, &bounds, &config->sessions);
}

static int read_limits(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "sessions", false, read_sessions },
		{ "max_gateways", false, config_inventory_read_gateways_max },
		{ "max_eips", false, config_inventory_read_eips_max },
		{ NULL, false, NULL },
	};

	return config_yaml_mapping(yaml, node, "limits", keys, out);
}

static int read_mark(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config *config = out;
	const char *text;
	uint32_t mark;
	int err;

	err = config_yaml_text(yaml, node, "mark", &text);
	if (err) {
		return err;
	}
	if (parse_util_bits(text, &mark) || !mark || mark & (mark - 1)) {
		return config_yaml_error(
			yaml, node,
			"mark \"%.40s\" is not one bit of 32; write a number with one bit set, such as 0x%x",
			text, NATGW_MARK_DEFAULT);
	}
	config->mark = mark;
	return 0;
}

static int read_on_failure(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const char *const names[] = { "closed", "open", NULL };
	struct config *config = out;
	unsigned int index;
	int err;

	err = config_yaml_choice(yaml, node, "on_failure", names, &index);
	if (!err) {
		config->fail_open = index == 1;
	}
	return err;
}

static int read_ipv6(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const char *const names[] = { "pass", "drop", NULL };
	struct config *config = out;
	unsigned int index;
	int err;

	err = config_yaml_choice(yaml, node, "ipv6", names, &index);
	if (!err) {
		config->drop_ipv6 = index == 1;
	}
	return err;
}

static int read_reply_ping(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config *config = out;

	return config_yaml_bool(yaml, node, "reply_ping", &config->reply_ping);
}

static int read_listen(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config *config = out;
	const char *text;
	int err;

	err = config_yaml_text(yaml, node, "listen", &text);
	if (err) {
		return err;
	}
	if (strcmp(text, "off") == 0) {
		config->metrics_addr[0] = '\0';
		config->metrics_port = 0;
		return 0;
	}
	if (parse_util_listen(text, config->metrics_addr, sizeof(config->metrics_addr),
			      &config->metrics_port)) {
		return config_yaml_error(
			yaml, node,
			"listen \"%.60s\" is not an address and a port (1 to 65535); write 127.0.0.1:9464, \"[::1]:9464\" (in quotes), or off",
			text);
	}
	return 0;
}

static int read_metrics(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "listen", false, read_listen },
		{ NULL, false, NULL },
	};

	return config_yaml_mapping(yaml, node, "metrics", keys, out);
}

static int read_path(const struct config_yaml *yaml, yaml_node_t *node, const char *what,
		     char *ret_path)
{
	const char *text;
	size_t length;
	int err;

	err = config_yaml_text(yaml, node, what, &text);
	if (err) {
		return err;
	}
	length = strlen(text);
	if (text[0] != '/' || !text[1] || length >= CONFIG_PATH_MAX) {
		return config_yaml_error(
			yaml, node,
			"%s \"%.120s\" cannot be used; it must be an absolute path of at most %d characters",
			what, text, CONFIG_PATH_MAX - 1);
	}
	memcpy(ret_path, text, length + 1);
	return 0;
}

static int read_socket(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config *config = out;

	return read_path(yaml, node, "socket", config->control_socket);
}

static int read_read_socket(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config *config = out;
	const char *text;
	int err = config_yaml_text(yaml, node, "read_socket", &text);

	config->read_socket_named = true;
	if (!err && strcmp(text, "none") == 0) {
		config->read_socket[0] = '\0';
		return 0;
	}
	return err ? err : read_path(yaml, node, "read_socket", config->read_socket);
}

static int read_group(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config *config = out;

	return config_yaml_name(yaml, node, "the group of the control socket",
				config->control_group);
}

/* Beside the control socket, unless the file says where. */
static int place_read_socket(struct config_yaml *yaml, yaml_node_t *node, struct config *config)
{
	const char *slash = strrchr(config->control_socket, '/');
	int folder = (int)(slash - config->control_socket);

	if (!config->read_socket_named &&
	    snprintf(config->read_socket, CONFIG_PATH_MAX, "%.*s/read.sock", folder,
		     config->control_socket) >= CONFIG_PATH_MAX) {
		return config_yaml_error(
			yaml, node,
			"the folder of \"socket\" is too long for read.sock beside it: name a read_socket, or none");
	}
	if (strcmp(config->read_socket, config->control_socket) == 0) {
		return config_yaml_error(
			yaml, node, "socket and read_socket are the same: name another, or none");
	}
	return 0;
}

static int read_control(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "socket", false, read_socket },
		{ "group", false, read_group },
		{ "read_socket", false, read_read_socket },
		{ NULL, false, NULL },
	};

	int err = config_yaml_mapping(yaml, node, "control", keys, out);

	return err ? err : place_read_socket(yaml, node, out);
}

/* No empty part, "." or "..": the path has one spelling, and names the folder that it seems to. */
static bool is_plain_path(const char *path)
{
	char whole[CONFIG_PATH_MAX + 1];

	(void)snprintf(whole, sizeof(whole), "%s/", path);
	return !strstr(whole, "//") && !strstr(whole, "/./") && !strstr(whole, "/../");
}

static int read_pin_path(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config *config = out;
	int err = read_path(yaml, node, "pin_path", config->pin_path);

	if (!err && !is_plain_path(config->pin_path)) {
		return config_yaml_error(
			yaml, node,
			"pin_path \"%.120s\" cannot be used; it must have no empty part and no \".\" or \"..\"",
			config->pin_path);
	}
	return err;
}

/* ---- the file ---- */

static void set_defaults(struct config *config)
{
	config->attach = CONFIG_ATTACH_AUTO;
	config->sessions = NATGW_SESSIONS_DEFAULT;
	config->sessions_place = (struct config_place){ 1, 1 };
	config->mark = NATGW_MARK_DEFAULT;
	(void)snprintf(config->metrics_addr, sizeof(config->metrics_addr), "127.0.0.1");
	config->metrics_port = 9464;
	config->probe_interval_s = CONFIG_PROBE_INTERVAL_S;
	config->probe_destination = htonl(CONFIG_PROBE_DESTINATION);
	(void)snprintf(config->control_socket, CONFIG_PATH_MAX, "/run/natgw/control.sock");
	(void)snprintf(config->read_socket, CONFIG_PATH_MAX, "/run/natgw/read.sock");
	(void)snprintf(config->control_group, CONFIG_NAME_MAX, "natgw");
	(void)snprintf(config->pin_path, CONFIG_PATH_MAX, "/sys/fs/bpf/natgw");
}

static int read_root(struct config_yaml *yaml, struct config *config)
{
	/* Each list comes after those that it names: gateways, tables, rules, mappings, forwards.
	 * The size of the tables comes before the gateways, whose quotas follow it. */
	static const struct config_yaml_key keys[] = {
		{ "interfaces", true, config_interface_read },
		{ "attach", false, read_attach },
		{ "limits", false, read_limits },
		{ "gateways", true, config_gateway_read_list },
		{ "route_tables", true, config_table_read_list },
		{ "internal_prefixes", false, config_subnet_read_internal },
		{ "local", false, config_subnet_read_local },
		{ "rules", false, config_rule_read_list },
		{ "one_to_one", false, config_one_to_one_read_list },
		{ "port_forwards", false, config_forward_read_list },
		{ "acl", false, config_acl_read_list },
		{ "inventory", false, config_inventory_read },
		{ "mark", false, read_mark },
		{ "on_failure", false, read_on_failure },
		{ "reply_ping", false, read_reply_ping },
		{ "ipv6", false, read_ipv6 },
		{ "session_log", false, config_log_read },
		{ "probe", false, config_probe_read },
		{ "metrics", false, read_metrics },
		{ "control", false, read_control },
		{ "pin_path", false, read_pin_path },
		{ NULL, false, NULL },
	};

	return config_yaml_mapping(yaml, yaml_document_get_root_node(&yaml->document),
				   "the configuration", keys, config);
}

/* Tables come after the gateways that name them. */
static int check_own_table(const struct config_yaml *yaml, const struct config *config,
			   const struct config_gateway *gateway)
{
	struct words words = words_begin(gateway->table);
	char hint[WORDS_HINT_MAX];

	for (size_t i = 0; i < config->table_count; i++) {
		if (strcmp(config->tables[i].name, gateway->table) == 0) {
			return 0;
		}
		words_add(&words, config->tables[i].name);
	}
	words_hint(&words, hint);
	return config_yaml_error_at(
		yaml, gateway->table_place,
		"unknown route_table \"%s\" of gateway \"%s\"; %sthe route tables are: %s",
		gateway->table, gateway->name, hint, words.text);
}

/* What one list says of another one. */
static int check_whole(const struct config_yaml *yaml, const struct config *config)
{
	int err = 0;

	for (size_t i = 0; !err && i < config->gateway_count; i++) {
		if (config->gateways[i].table[0]) {
			err = check_own_table(yaml, config, &config->gateways[i]);
		}
	}
	err = err ?: config_inventory_check(yaml, config);
	return err ?: config_one_to_one_check_gateways(yaml, config);
}

int config_parse(FILE *stream, const char *file, struct config **ret_config,
		 struct config_error *ret_error)
{
	struct config_yaml yaml;
	struct config *config;
	int err;

	err = config_yaml_load(stream, file, &yaml, ret_error);
	if (err) {
		return err;
	}
	config = calloc(1, sizeof(*config));
	if (config) {
		config->file = strdup(file);
	}
	if (!config || !config->file) {
		err = config_yaml_no_memory(&yaml);
		goto out_yaml;
	}
	set_defaults(config);
	err = read_root(&yaml, config);
	err = err ?: check_whole(&yaml, config);
	err = err ?: config_subnet_fill_main(&yaml, config);
	if (!err) {
		*ret_config = TAKE_PTR(config);
	}
out_yaml:
	config_free(config);
	config_yaml_free(&yaml);
	return err;
}

/* Does not wait: the name may be a FIFO that nobody writes to. */
static int open_file(const char *path, FILE **ret_stream)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat info;
	FILE *stream;

	if (fd < 0 || fstat(fd, &info) < 0) {
		return -errno;
	}
	/* Reading a folder fails by itself. */
	if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
		return -EINVAL;
	}
	stream = fdopen(fd, "r");
	if (!stream) {
		return -errno;
	}
	(void)TAKE_FD(fd);
	*ret_stream = stream;
	return 0;
}

int config_load(const char *path, struct config **ret_config, struct config_error *ret_error)
{
	_cleanup_fclose_ FILE *stream = NULL;
	int err = open_file(path, &stream);

	if (err) {
		(void)snprintf(ret_error->text, sizeof(ret_error->text),
			       "%.300s: cannot open it: %s", path,
			       err == -EINVAL ? "it is not a regular file" : strerror(-err));
		return err;
	}
	return config_parse(stream, path, ret_config, ret_error);
}
