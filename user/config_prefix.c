/* SPDX-License-Identifier: GPL-2.0-only */
/* Prefixes of the configuration: read strictly (no host bits), compared, written. */
#include "config_prefix.h"

#include <arpa/inet.h>
#include <errno.h>

#include "parse_util.h"

const char *config_prefix_text(struct config_prefix prefix, char *text)
{
	struct in_addr addr = { .s_addr = prefix.addr };
	char plain[INET_ADDRSTRLEN];

	(void)snprintf(text, PARSE_UTIL_PREFIX_TEXT, "%s/%u",
		       inet_ntop(AF_INET, &addr, plain, sizeof(plain)), prefix.len);
	return text;
}

bool config_prefix_equal(struct config_prefix a, struct config_prefix b)
{
	return a.addr == b.addr && a.len == b.len;
}

bool config_prefix_covers(struct config_prefix outer, struct config_prefix inner)
{
	return outer.len <= inner.len && parse_util_network(inner.addr, outer.len) == outer.addr;
}

int config_prefix_read(const struct config_yaml *yaml, yaml_node_t *node, const char *what,
		       struct config_prefix *ret_prefix)
{
	char right[PARSE_UTIL_PREFIX_TEXT];
	struct config_prefix prefix;
	const char *text;
	__be32 addr;
	int err;

	err = config_yaml_text(yaml, node, what, &text);
	if (err) {
		return err;
	}
	if (!parse_util_address(text, &addr)) {
		return config_yaml_error(yaml, node,
					 "%s %s is an address without a length; write %s/32", what,
					 text, text);
	}
	if (parse_util_prefix(text, &addr, &prefix.len)) {
		return config_yaml_error(
			yaml, node,
			"%s \"%.60s\" is not an IPv4 prefix; write network/length (0 to 32), such as 10.0.1.0/24",
			what, text);
	}
	prefix.addr = parse_util_network(addr, prefix.len);
	if (prefix.addr != addr) {
		return config_yaml_error(yaml, node, "%s %s has host bits set; write %s", what,
					 text, config_prefix_text(prefix, right));
	}
	*ret_prefix = prefix;
	return 0;
}
