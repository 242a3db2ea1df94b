/* SPDX-License-Identifier: GPL-2.0-only */
/* The interfaces of the configuration: their names, each with the sides that it is on. */
#include "config_interface.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *config_interface_problem(const char *name)
{
	if (!*name) {
		return "is empty";
	}
	if (strlen(name) >= IF_NAMESIZE) {
		return "is longer than 15 characters";
	}
	/* The rules of the kernel's dev_valid_name(). */
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strpbrk(name, "/: ")) {
		return "holds a character that no interface's name has";
	}
	return NULL;
}

/* Interfaces of one side that are being read. */
struct side {
	struct config *config;
	const char *name;
	uint8_t flag;
};

static struct config_interface *find_interface(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->interface_count; i++) {
		if (strcmp(config->interfaces[i].name, name) == 0) {
			return &config->interfaces[i];
		}
	}
	return NULL;
}

static int add_interface(const struct config_yaml *yaml, const yaml_node_t *node,
			 const struct side *side, const char *name)
{
	struct config *config = side->config;
	struct config_interface *grown;
	struct config_interface *added;

	if (config->interface_count >= NATGW_IFACES_MAX) {
		return config_yaml_error(yaml, node, "too many interfaces; at most %d fit",
					 NATGW_IFACES_MAX);
	}
	grown = reallocarray(config->interfaces, config->interface_count + 1, sizeof(*grown));
	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	config->interfaces = grown;
	added = &config->interfaces[config->interface_count++];
	*added = (struct config_interface){ .flags = side->flag, .place = config_yaml_place(node) };
	(void)snprintf(added->name, sizeof(added->name), "%s", name);
	return 0;
}

static int read_interface(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct side *side = out;
	struct config_interface *known;
	const char *problem;
	const char *name;
	int err;

	err = config_yaml_text(yaml, node, "an interface", &name);
	if (err) {
		return err;
	}
	problem = config_interface_problem(name);
	if (problem) {
		return config_yaml_error(
			yaml, node,
			"the interface \"%.40s\" %s; write a name as `ip link` shows it", name,
			problem);
	}
	known = find_interface(side->config, name);
	if (known && known->flags & side->flag) {
		return config_yaml_error(
			yaml, node,
			"interface \"%s\" is listed twice as %s; once is enough (one-armed: once as external, once as internal)",
			name, side->name);
	}
	if (known) {
		known->flags |= side->flag;
		return 0;
	}
	return add_interface(yaml, node, side, name);
}

/* One name, or a list. */
static int read_side(struct config_yaml *yaml, yaml_node_t *node, const struct side *side)
{
	const struct config_yaml_items items = { side->name, read_interface, false };
	struct side out = *side;

	if (node->type == YAML_SCALAR_NODE) {
		return read_interface(yaml, node, &out);
	}
	return config_yaml_list(yaml, node, &items, &out);
}

static int read_external(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct side side = { out, "external", NATGW_IFACE_EXTERNAL };

	return read_side(yaml, node, &side);
}

static int read_internal(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct side side = { out, "internal", NATGW_IFACE_INTERNAL };

	return read_side(yaml, node, &side);
}

int config_interface_read(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "external", true, read_external },
		{ "internal", true, read_internal },
		{ NULL, false, NULL },
	};

	return config_yaml_mapping(yaml, node, "interfaces", keys, out);
}
