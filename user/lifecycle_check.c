// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether a gateway could be available, and if not, why: code and message, in the order in which
 * one would put things right. Changes nothing.
 */
#include "lifecycle_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "config_eip.h"
#include "config_inventory.h"
#include "netdev.h"

/* Requirement 31: so many in one zone, where limits.max_gateways does not say otherwise. */
#define AWS_GATEWAYS_MAX 5

int lifecycle_fail(struct lifecycle_failure *failure, enum lifecycle_code code, const char *format,
		   ...)
{
	va_list arguments;

	failure->code = code;
	va_start(arguments, format);
	(void)vsnprintf(failure->message, sizeof(failure->message), format, arguments);
	va_end(arguments);
	return -EPERM;
}

/* ---- how many ---- */

/* Gateways beside this one that count; profile: those of it only. Of several pending ones the first
 * come first; one that is not there yet comes last. */
static unsigned int count_others(const struct natgwd_state *state, const struct config *config,
				 const char *name, const char *profile)
{
	unsigned int count = 0;
	bool behind = false;

	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		const struct gateway_status *status = &state->gateways[i];
		const struct config_gateway *other = config_find_gateway(config, status->name);

		if (status->name[0] && strcmp(status->name, name) == 0) {
			behind = true;
			continue;
		}
		if (!status->name[0] || !lifecycle_counts(status->state) ||
		    (behind && status->state == NATGW_GATEWAY_PENDING)) {
			continue;
		}
		count += !profile || (other && strcmp(other->profile, profile) == 0);
	}
	return count;
}

static int check_count(const struct natgwd_state *state, const struct config *config,
		       const struct config_gateway *gateway, struct lifecycle_failure *ret_failure)
{
	const char *profile = NULL;
	unsigned int max = config->gateways_max;
	unsigned int count;

	if (!max && strcmp(gateway->profile, "aws") == 0) {
		profile = gateway->profile;
		max = AWS_GATEWAYS_MAX;
	}
	count = count_others(state, config, gateway->name, profile);
	if (!max || count < max) {
		return 0;
	}
	return lifecycle_fail(
		ret_failure, LIFECYCLE_GATEWAY_LIMIT,
		"there are %u gateways%s already (pending, available and deleting ones count), and %u are allowed; delete one and wait until it is deleted, or raise limits.max_gateways",
		count, profile ? " of profile aws" : "", max);
}

/* ---- EIPs ---- */

struct eip_list {
	struct lifecycle_failure *failure;
	size_t length; /* of the message, in the making */
	unsigned int left_out;
};

/* "198.51.100.9 (nat-a)", and so on as long as there is room. */
static int tell_eip(const struct lifecycle_eip_row *row, void *arg)
{
	struct eip_list *list = arg;
	char *end = list->failure->message + list->length;
	size_t room = sizeof(list->failure->message) - list->length;
	char text[INET_ADDRSTRLEN];

	if (room < sizeof(", ... and 1000 more") + CONFIG_NAME_MAX + INET_ADDRSTRLEN + 8) {
		list->left_out++;
		return 0;
	}
	list->length += (size_t)snprintf(end, room, " %s (%s),", config_eip_text(row->addr, text),
					 row->gateway[0] ? row->gateway : "free");
	return 0;
}

/* Requirement 32: which EIPs are free, and by whom the others are used. */
static int fail_eip_limit(const struct natgwd_state *state, size_t wanted, uint32_t max,
			  struct lifecycle_failure *ret_failure)
{
	struct eip_list list = { .failure = ret_failure };
	char *message = ret_failure->message;

	(void)lifecycle_fail(
		ret_failure, LIFECYCLE_EIP_LIMIT,
		"that would be %zu EIPs in all, and %u are allowed (limits.max_eips); detach one or raise the limit:",
		wanted, max);
	list.length = strlen(message);
	(void)lifecycle_each_eip(state, tell_eip, &list);
	if (message[list.length - 1] == ',') {
		message[--list.length] = '\0';
	}
	if (list.left_out) {
		(void)snprintf(message + list.length, sizeof(ret_failure->message) - list.length,
			       ", and %u more", list.left_out);
	}
	return -EPERM;
}

/* EIPs that the config has already are not new ones. */
static int check_eip_count(const struct natgwd_state *state, const struct config *config,
			   const __be32 *eips, size_t count, struct lifecycle_failure *ret_failure)
{
	uint32_t max = config->eips_max ? config->eips_max : NATGW_EIPS_MAX;
	size_t total = config_inventory_count_eips(config);

	for (size_t i = 0; i < count; i++)
		total += !config_eip_owner(config, eips[i]);
	return total > max ? fail_eip_limit(state, total, max, ret_failure) : 0;
}

/* What else of the config has this address; NULL: nothing. */
static const char *other_use(const struct config *config, const struct config_gateway *gateway,
			     __be32 eip)
{
	for (size_t i = 0; i < config->one_to_one_count; i++) {
		const struct config_one_to_one *pair = &config->one_to_one[i];

		if (pair->public_addr == eip ||
		    (pair->private_addr == eip && !gateway->two_stage)) {
			return "a 1:1 mapping (one_to_one)";
		}
	}
	for (size_t i = 0; i < config->forward_count; i++) {
		const struct config_forward *forward = &config->forwards[i];

		if (forward->ext_addr == eip && strcmp(forward->gateway, gateway->name) != 0) {
			return "a DNAT of another gateway (port_forwards)";
		}
	}
	return NULL;
}

static int fail_in_use(struct lifecycle_failure *ret_failure, __be32 eip, const char *what,
		       const char *who)
{
	char text[INET_ADDRSTRLEN];

	return lifecycle_fail(
		ret_failure, LIFECYCLE_EIP_IN_USE,
		"EIP %s is associated with %s%s already; free it there, or take another one",
		config_eip_text(eip, text), what, who);
}

static int check_association(const struct natgwd_state *state, const struct config *config,
			     const struct config_gateway *gateway, __be32 eip,
			     struct lifecycle_failure *ret_failure)
{
	const struct lifecycle *lifecycle = state->lifecycle;
	const struct config_gateway *owner = config_eip_owner(config, eip);
	const char *use = other_use(config, gateway, eip);
	char text[INET_ADDRSTRLEN];

	if (owner && strcmp(owner->name, gateway->name) != 0) {
		return fail_in_use(ret_failure, eip, "gateway ", owner->name);
	}
	owner = config_eip_private_owner(config, eip);
	if (owner && !(gateway->two_stage && strcmp(owner->name, gateway->name) == 0)) {
		return fail_in_use(ret_failure, eip, "as private IP with gateway ", owner->name);
	}
	if (use) {
		return fail_in_use(ret_failure, eip, use, "");
	}
	if (gateway->two_stage || !lifecycle || !netdev_holds(lifecycle->netdev, eip, NULL) ||
	    config_eip_in(gateway->shared, gateway->shared_count, eip)) {
		return 0;
	}
	return lifecycle_fail(
		ret_failure, LIFECYCLE_EIP_IN_USE,
		"EIP %s is an address of this host; take it off the interface (natgw answers for it), or say that it is shared",
		config_eip_text(eip, text));
}

int lifecycle_check_eips(const struct natgwd_state *state, const struct config_gateway *gateway,
			 const __be32 *eips, size_t count, struct lifecycle_failure *ret_failure)
{
	const struct config *config = state->config;
	char text[INET_ADDRSTRLEN];
	int err = 0;

	for (size_t i = 0; i < count; i++) {
		if (!config_inventory_has(config, eips[i])) {
			return lifecycle_fail(
				ret_failure, LIFECYCLE_EIP_NOT_FOUND,
				"EIP %s is not in the inventory; add it to \"inventory\", or use one that is",
				config_eip_text(eips[i], text));
		}
	}
	for (size_t i = 0; !err && i < count; i++) {
		err = check_association(state, config, gateway, eips[i], ret_failure);
	}
	return err ? err : check_eip_count(state, config, eips, count, ret_failure);
}

/* ---- the host ---- */

static int check_iface(const struct config *config, const struct iface_state *iface,
		       struct lifecycle_failure *ret_failure)
{
	const char *reason = iface->attach_reason[0] ? iface->attach_reason : "the log says why";

	if (!(iface->flags & NATGW_IFACE_EXTERNAL) && iface->attach != IFACE_ATTACH_NONE) {
		return 0;
	}
	if (!iface->ifindex) {
		return lifecycle_fail(ret_failure, LIFECYCLE_NOT_ATTACHED,
				      "interface %s is not there", iface->name);
	}
	if (iface->attach == IFACE_ATTACH_NONE && config->attach == CONFIG_ATTACH_XDP) {
		return lifecycle_fail(
			ret_failure, LIFECYCLE_NOT_AVAILABLE,
			"interface %s cannot run native XDP (%s); use attach: auto, xdp-generic or tc",
			iface->name, reason);
	}
	if (iface->attach == IFACE_ATTACH_NONE) {
		return lifecycle_fail(ret_failure, LIFECYCLE_ATTACH_FAILED,
				      "the programs are not attached to interface %s: %s",
				      iface->name, reason);
	}
	return 0;
}

static bool any_external_up(const struct natgwd_state *state, const char **ret_name)
{
	*ret_name = "";
	for (unsigned int i = 0; i < state->iface_count; i++) {
		const struct iface_state *iface = &state->ifaces[i];

		if (!(iface->flags & NATGW_IFACE_EXTERNAL)) {
			continue;
		}
		*ret_name = iface->name;
		if (iface->ifindex && iface->up) {
			return true;
		}
	}
	return false;
}

static int check_next_hop(const struct natgwd_state *state, const struct config *config,
			  const struct config_gateway *gateway,
			  struct lifecycle_failure *ret_failure)
{
	const char *name;
	int err;

	if (!any_external_up(state, &name)) {
		return lifecycle_fail(ret_failure, LIFECYCLE_NOT_ATTACHED,
				      "external interface %s is down; ip link set %s up", name,
				      name);
	}
	err = lifecycle_route_check(state, config, gateway);
	if (err == -ENETUNREACH) {
		return lifecycle_fail(
			ret_failure, LIFECYCLE_NOT_ATTACHED,
			"no route of this host leads out of %s to where the gateway's routes lead; add a default route: ip route add default via <router> dev %s",
			name, name);
	}
	if (err) {
		return lifecycle_fail(ret_failure, LIFECYCLE_INTERNAL,
				      "cannot ask the kernel for its routes: %s", strerror(-err));
	}
	return 0;
}

static int check_private_ip(const struct config_gateway *gateway,
			    struct lifecycle_failure *ret_failure)
{
	if (gateway->private_ip) {
		return 0;
	}
	return lifecycle_fail(
		ret_failure, LIFECYCLE_NO_ADDRESS,
		"private_ip is auto, and every address of the internal interfaces is an EIP or the private IP of another gateway; add one: ip address add <address> dev <interface>");
}

int lifecycle_check_host(const struct natgwd_state *state, const struct config *config,
			 const struct config_gateway *gateway,
			 struct lifecycle_failure *ret_failure)
{
	int err = check_count(state, config, gateway, ret_failure);

	err = err ? err : check_private_ip(gateway, ret_failure);
	for (unsigned int i = 0; !err && i < state->iface_count; i++) {
		err = check_iface(config, &state->ifaces[i], ret_failure);
	}
	return err ? err : check_next_hop(state, config, gateway, ret_failure);
}

int lifecycle_check_create(struct natgwd_state *state, const struct config *config,
			   struct config_gateway *gateway, struct lifecycle_failure *ret_failure)
{
	int err = lifecycle_check_eips(state, gateway, gateway->eips, gateway->eip_count,
				       ret_failure);

	if (!err && gateway->private_auto) {
		gateway->private_ip = lifecycle_find_private_ip(state, config, gateway);
	}
	return err ? err : lifecycle_check_host(state, config, gateway, ret_failure);
}
