// SPDX-License-Identifier: GPL-2.0-only
/* Reads and prints key "probe". Not responsible for probing (probe.c). */
#include "config_probe.h"

#include <arpa/inet.h>

#include "parse_util.h"

#define INTERVAL_MAX_S 3600U

static int read_interval(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config *config = out;
	uint32_t seconds = 0;
	const char *text;
	int err = config_yaml_text(yaml, node, "interval of probe", &text);

	if (err) {
		return err;
	}
	if (parse_util_duration(text, &seconds) || !seconds || seconds > INTERVAL_MAX_S) {
		return config_yaml_error(
			yaml, node,
			"interval of probe \"%.40s\" cannot be used; write a time from 1s to 1h, such as %us",
			text, CONFIG_PROBE_INTERVAL_S);
	}
	config->probe_interval_s = seconds;
	return 0;
}

static int read_destination(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config *config = out;
	const char *text;
	int err = config_yaml_text(yaml, node, "destination of probe", &text);

	if (!err &&
	    (parse_util_address(text, &config->probe_destination) || !config->probe_destination)) {
		return config_yaml_error(
			yaml, node,
			"destination of probe \"%.40s\" is not an IPv4 address; write one on the internet, such as 192.0.2.1 (nothing is sent there)",
			text);
	}
	return err;
}

int config_probe_read(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "interval", false, read_interval },
		{ "destination", false, read_destination },
		{ NULL, false, NULL },
	};

	return config_yaml_mapping(yaml, node, "probe", keys, out);
}

void config_probe_print(FILE *stream, const struct config *config)
{
	char address[INET_ADDRSTRLEN] = "";

	inet_ntop(AF_INET, &config->probe_destination, address, sizeof(address));
	(void)fprintf(stream, "probe:\n  interval: %us\n  destination: %s\n",
		      config->probe_interval_s, address);
}
