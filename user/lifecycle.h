/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of gateways and EIPs: which state may follow which, why a gateway is not available, and
 * what is remembered of failed and deleted ones.
 *
 * A gateway of the config has a row in the maps, whose state is moved by apply (through the hooks
 * that lifecycle_open puts into the state); all that follows from it happens by itself. Whoever
 * changes the config has to call lifecycle_prepare before apply_config, and lifecycle_note_failed
 * for a gateway that did not get into the config at all.
 */
#ifndef NATGW_USER_LIFECYCLE_H
#define NATGW_USER_LIFECYCLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "state.h"

struct event_base;
struct netdev;

/* How long a failed or deleted gateway is remembered. */
#define LIFECYCLE_KEPT_S 3600
#define LIFECYCLE_MESSAGE_MAX 512

/* Why a gateway is failed. Those of the EC2 API have its spelling (lifecycle_code_name). */
enum lifecycle_code {
	LIFECYCLE_OK,
	LIFECYCLE_NO_ADDRESS,	  /* InsufficientFreeAddressesInSubnet */
	LIFECYCLE_NOT_ATTACHED,	  /* Gateway.NotAttached */
	LIFECYCLE_EIP_NOT_FOUND,  /* InvalidAllocationID.NotFound */
	LIFECYCLE_EIP_IN_USE,	  /* Resource.AlreadyAssociated */
	LIFECYCLE_INTERNAL,	  /* InternalError */
	LIFECYCLE_GATEWAY_LIMIT,  /* NatGatewayLimitExceeded */
	LIFECYCLE_EIP_LIMIT,	  /* AddressLimitExceeded */
	LIFECYCLE_NOT_AVAILABLE,  /* NotAvailableOnInterface */
	LIFECYCLE_ATTACH_FAILED,  /* AttachFailed */
	LIFECYCLE_LOAD_FAILED,	  /* BpfLoadFailed */
	LIFECYCLE_KERNEL_TOO_OLD, /* KernelTooOld */
	LIFECYCLE_MAPS_FAILED,	  /* MapCreateFailed */
	LIFECYCLE_CODE_COUNT,
};

/* message: one line, what is wrong and what would be right. */
struct lifecycle_failure {
	enum lifecycle_code code;
	char message[LIFECYCLE_MESSAGE_MAX];
};

struct lifecycle_record {
	char name[CONFIG_NAME_MAX];
	enum natgw_gateway_state state;
	struct lifecycle_failure failure; /* of a failed one */
	uint32_t index;			  /* in the maps; 0: it has no row */
	__be32 private_ip;
	int64_t created; /* seconds of the real-time clock, as time() */
	int64_t since;	 /* of this state */
};

/* ---- the table (lifecycle_table.c) ---- */

bool lifecycle_is_legal(enum natgw_gateway_state from, enum natgw_gateway_state to);
/* pending, available and deleting ones count for quotas. */
bool lifecycle_counts(enum natgw_gateway_state state);
const char *lifecycle_code_name(enum lifecycle_code code);
/* LIFECYCLE_INTERNAL for a name that is none. */
enum lifecycle_code lifecycle_code_of(const char *name);

/* ---- EIPs (lifecycle_eip.c) ---- */

/* What decides about the state of an EIP. */
struct lifecycle_eip {
	enum natgw_gateway_state gateway; /* of the gateway in the config that has it; NONE: none */
	bool has_row;			  /* in the maps */
	bool draining;
	bool over; /* the time to drain is over */
};

/* Requirement B-4: assigning, associating, succeeded, disassociating, unassigning, failed; and
 * free.
 */
const char *lifecycle_eip_state(const struct lifecycle_eip *eip);

/* ---- the daemon's ---- */

/* Once the maps are open and before they are filled: reads what was remembered (beside run_path,
 * the run file), sets state->lifecycle and the hooks. The netdev must outlive it. */
int lifecycle_open(struct natgwd_state *state, const struct netdev *netdev, const char *run_path);
void lifecycle_close(struct natgwd_state *state);
/* The service: what happens by and by. */
int lifecycle_start(struct event_base *base, struct natgwd_state *state);
void lifecycle_stop(struct natgwd_state *state);
/* --detach: forgets what is remembered for this run file. */
void lifecycle_remove(const char *run_path);

/*
 * Before apply_config: finds the private IPs of gateways with private_ip: auto. One without an
 * address is not an error: the gateway will be failed.
 */
void lifecycle_prepare(struct natgwd_state *state, struct config *config);

/* ---- drift: somebody changes what natgw stands on ---- */

/* What is there now is right: after start and each reload. */
void lifecycle_drift_accept(struct natgwd_state *state);
/* An address of this interface is gone, or they are all there again. */
void lifecycle_drift_address(struct natgwd_state *state, const char *iface, bool gone);
/* Compares MTUs, and looks for programs of others at our interfaces. */
void lifecycle_drift_look(struct natgwd_state *state);
/* Why gateways are not what they should be; "" when nothing of that kind is wrong. */
void lifecycle_drift_reason(const struct natgwd_state *state, char *ret_reason, size_t size);

/* Links, addresses or routes of the host have changed (NETDEV_CHANGED_*): failed gateways of the
 * config that may be available now become so. */
void lifecycle_host_changed(struct natgwd_state *state, unsigned int changed);

/*
 * How a stage of the start of natgwd has ended: when err is not 0, says for each gateway of the
 * config in one line that it is failed and why. Nobody can ask for a record then, so there is none.
 * Works without lifecycle_open. Returns err.
 */
enum lifecycle_stage { LIFECYCLE_STAGE_LOAD, LIFECYCLE_STAGE_MAPS, LIFECYCLE_STAGE_ATTACH };
int lifecycle_start_result(const struct config *config, enum lifecycle_stage stage, int err);

/* ---- for changes by command ---- */

/*
 * May this gateway be created beside those of the running config (one of the same name in it is
 * left out of account)? config: whose routes and limits count, mostly the running one. 0, or -EPERM
 * with *ret_failure filled. Reads the host, changes nothing but gateway->private_ip, when that is
 * auto. SNAT rules with EIPs of their own and port forwards of the new gateway are config_parse's
 * business.
 */
int lifecycle_check_create(struct natgwd_state *state, const struct config *config,
			   struct config_gateway *gateway, struct lifecycle_failure *ret_failure);
/* The same for more EIPs of a gateway that is there ("eips attach"), beside the running config. */
int lifecycle_check_eips(const struct natgwd_state *state, const struct config_gateway *gateway,
			 const __be32 *eips, size_t count, struct lifecycle_failure *ret_failure);

/* Remembers a gateway that could not be created; one log line. A living one of that name stays as
 * it is. */
void lifecycle_note_failed(struct natgwd_state *state, const char *name,
			   const struct lifecycle_failure *failure);
/* A failed one of which there is only the record is removed; -ENOENT: there is none. */
int lifecycle_forget_failed(struct natgwd_state *state, const char *name);
/* Called after apply_config by whoever wants a line in the log that says who did it; what is to be
 * remembered is remembered anyway. */
void lifecycle_note_created(struct natgwd_state *state, const char *name);
void lifecycle_note_deleted(struct natgwd_state *state, const char *name);

/* NATGW_GATEWAY_NONE: nothing is known of that name. */
enum natgw_gateway_state lifecycle_state_of(const struct natgwd_state *state, const char *name);
/* NULL: none. Valid until something changes. */
const struct lifecycle_record *lifecycle_find(const struct natgwd_state *state, const char *name);
/* Every record, living ones too; stops at what is not 0 and returns it. */
int lifecycle_each_record(const struct natgwd_state *state,
			  int (*fn)(const struct lifecycle_record *record, void *arg), void *arg);

/* ---- for those who show it (lifecycle_json.c, lifecycle_metrics.c) ---- */

/* Adds to the object of a gateway: failure_code, failure_message, created, state_since,
 * expires_in_s, tags. -ENOMEM. */
int lifecycle_json(const struct natgwd_state *state, const char *name, json_t *gateway);
/* Gateways without a row in the maps: failed ones, and with all deleted ones too; or the one of
 * this name (NULL: any). NULL: no memory. */
json_t *lifecycle_records_json(const struct natgwd_state *state, const char *name, bool all);
/* Every EIP of the inventory, of gateways and on its way out: address, gateway, state,
 * drain_remaining_s. NULL: no memory. */
json_t *lifecycle_eips_json(const struct natgwd_state *state);
/* Families natgw_gateway_info, natgw_eip_state, natgw_drift, and natgw_gateway_state. */
void lifecycle_metrics(const struct natgwd_state *state, FILE *stream);

#endif
