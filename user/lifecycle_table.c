// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which state of a gateway may follow which, which count for quotas, and how codes are spelled.
 * Pure: knows no gateway.
 */
#include "lifecycle.h"

#include <string.h>

#define STATES (NATGW_GATEWAY_DELETED + 1)
#define BIT(state) (1U << NATGW_GATEWAY_##state)

/*
 * What may follow. An available gateway fails no more: what breaks later is told by its reason. A
 * failed one is tried again, by a create, by a reload or when its cause has gone; a deleting one
 * that the config names again is taken in again; the name of a deleted one is free for a new
 * gateway.
 */
static const unsigned int follow[STATES] = {
	[NATGW_GATEWAY_NONE] = BIT(PENDING),
	[NATGW_GATEWAY_PENDING] = BIT(AVAILABLE) | BIT(FAILED) | BIT(DELETED),
	[NATGW_GATEWAY_AVAILABLE] = BIT(DELETING),
	[NATGW_GATEWAY_FAILED] = BIT(PENDING) | BIT(DELETED),
	[NATGW_GATEWAY_DELETING] = BIT(PENDING) | BIT(DELETED),
	[NATGW_GATEWAY_DELETED] = BIT(PENDING),
};

bool lifecycle_is_legal(enum natgw_gateway_state from, enum natgw_gateway_state to)
{
	return (unsigned int)from < STATES && (unsigned int)to < STATES && (follow[from] >> to & 1);
}

bool lifecycle_counts(enum natgw_gateway_state state)
{
	return state == NATGW_GATEWAY_PENDING || state == NATGW_GATEWAY_AVAILABLE ||
	       state == NATGW_GATEWAY_DELETING;
}

static const char *const code_names[LIFECYCLE_CODE_COUNT] = {
	[LIFECYCLE_OK] = "",
	[LIFECYCLE_NO_ADDRESS] = "InsufficientFreeAddressesInSubnet",
	[LIFECYCLE_NOT_ATTACHED] = "Gateway.NotAttached",
	[LIFECYCLE_EIP_NOT_FOUND] = "InvalidAllocationID.NotFound",
	[LIFECYCLE_EIP_IN_USE] = "Resource.AlreadyAssociated",
	[LIFECYCLE_INTERNAL] = "InternalError",
	[LIFECYCLE_GATEWAY_LIMIT] = "NatGatewayLimitExceeded",
	[LIFECYCLE_EIP_LIMIT] = "AddressLimitExceeded",
	[LIFECYCLE_NOT_AVAILABLE] = "NotAvailableOnInterface",
	[LIFECYCLE_ATTACH_FAILED] = "AttachFailed",
	[LIFECYCLE_LOAD_FAILED] = "BpfLoadFailed",
	[LIFECYCLE_KERNEL_TOO_OLD] = "KernelTooOld",
	[LIFECYCLE_MAPS_FAILED] = "MapCreateFailed",
};

const char *lifecycle_code_name(enum lifecycle_code code)
{
	return (unsigned int)code < LIFECYCLE_CODE_COUNT ? code_names[code]
							 : code_names[LIFECYCLE_INTERNAL];
}

enum lifecycle_code lifecycle_code_of(const char *name)
{
	for (unsigned int code = 0; code < LIFECYCLE_CODE_COUNT; code++) {
		if (strcmp(code_names[code], name) == 0) {
			return (enum lifecycle_code)code;
		}
	}
	return LIFECYCLE_INTERNAL;
}
