/* SPDX-License-Identifier: GPL-2.0-only */
/* Mapping and filtering behaviour (RFC 4787 4.1 and 5): the two that natgw has of each. */
#include "config_mapping.h"

static const char *const names[] = { "address_and_port_dependent", "endpoint_independent", NULL };

const char *config_mapping_name(uint8_t mapping, uint8_t flag)
{
	return names[mapping & flag ? 1 : 0];
}

int config_mapping_read(struct config_yaml *yaml, yaml_node_t *node, const char *what, uint8_t flag,
			uint8_t *ret_flag)
{
	unsigned int index = 0;
	int err = config_yaml_choice(yaml, node, what, names, &index);

	if (!err) {
		*ret_flag = index ? flag : 0;
	}
	return err;
}

int config_mapping_check(const struct config_yaml *yaml, const yaml_node_t *node, uint8_t mapping)
{
	if (!(mapping & NATGW_FILTERING_ENDPOINT_INDEPENDENT) ||
	    mapping & NATGW_MAPPING_ENDPOINT_INDEPENDENT) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"filtering is endpoint_independent and mapping is not; write mapping: endpoint_independent too, or leave filtering out");
}
