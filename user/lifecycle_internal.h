/* SPDX-License-Identifier: GPL-2.0-only */
/* What the lifecycle*.c share; nobody else includes this. */
#ifndef NATGW_USER_LIFECYCLE_INTERNAL_H
#define NATGW_USER_LIFECYCLE_INTERNAL_H

#include <limits.h>

#include "lifecycle.h"

/* ---- lifecycle_record.c ---- */

/* Gateways that are remembered, in no order; at most as many as there is room for. */
#define LIFECYCLE_RECORDS_MAX 256

struct lifecycle_records {
	struct lifecycle_record *rows;
	size_t count;
};

/* NULL: none. */
struct lifecycle_record *lifecycle_records_find(const struct lifecycle_records *records,
						const char *name);
/* The record of that name, a new one (state NONE, created now) if there is none; NULL: no room. The
 * oldest one that is only remembered makes room. */
struct lifecycle_record *lifecycle_records_get(struct lifecycle_records *records, const char *name,
					       int64_t now);
void lifecycle_records_drop(struct lifecycle_records *records, struct lifecycle_record *record);
/* Is it remembered only: deleted, or failed and without a row in the maps? */
bool lifecycle_record_is_past(const struct lifecycle_record *record);
/* Seconds until it is forgotten; 0: at once. -1: it lives. */
int64_t lifecycle_record_expires_s(const struct lifecycle_record *record, int64_t now);
/* Forgets what is older than LIFECYCLE_KEPT_S; calls gone before. True when it was any. */
bool lifecycle_records_purge(struct lifecycle_records *records, int64_t now,
			     void (*gone)(const struct lifecycle_record *record, void *arg),
			     void *arg);
/* A missing file gives none; one that is damaged does too, and -EINVAL. */
int lifecycle_records_load(struct lifecycle_records *records, const char *path);
/* As a whole: a kill leaves the old file or the new one. */
int lifecycle_records_save(const struct lifecycle_records *records, const char *path);
/* "x.run" to "x.json" */
void lifecycle_records_path(const char *run_path, char ret_path[PATH_MAX / 8]);

/* ---- lifecycle_check.c ---- */

/* Leaves code and message. Always -EPERM, to be returned at once. */
int lifecycle_fail(struct lifecycle_failure *failure, enum lifecycle_code code, const char *format,
		   ...) __attribute__((format(printf, 3, 4)));

/*
 * What may change while a gateway of the config waits: the quota, its private IP, the interfaces,
 * the next hop. 0, or -EPERM with *ret_failure filled.
 */
int lifecycle_check_host(const struct natgwd_state *state, const struct config *config,
			 const struct config_gateway *gateway,
			 struct lifecycle_failure *ret_failure);

/* ---- lifecycle_address.c ---- */

/* An address of an internal interface that nobody else of the config has; 0: none. The one that the
 * gateway had before, if it may. */
__be32 lifecycle_find_private_ip(const struct natgwd_state *state, const struct config *config,
				 const struct config_gateway *gateway);

/* ---- lifecycle_route.c ---- */

/* Does a route of the host lead out of one of these interfaces, to where the gateway's routes do?
 * 0; -ENETUNREACH: none does; another errno: the kernel could not be asked. */
int lifecycle_route_check(const struct natgwd_state *state, const struct config *config,
			  const struct config_gateway *gateway);

/* ---- lifecycle_eip.c ---- */

struct lifecycle_eip_row {
	__be32 addr;
	char gateway[CONFIG_NAME_MAX]; /* empty: none */
	const char *state;
	uint32_t drain_s; /* that are left */
};

/* Calls fn for each EIP, in the order of the addresses. */
int lifecycle_each_eip(const struct natgwd_state *state,
		       int (*fn)(const struct lifecycle_eip_row *row, void *arg), void *arg);

/* ---- lifecycle_drift.c ---- */

enum lifecycle_drift_kind {
	LIFECYCLE_DRIFT_ADDRESS,
	LIFECYCLE_DRIFT_MTU,
	LIFECYCLE_DRIFT_PROGRAM,
	LIFECYCLE_DRIFT_KINDS,
};

/* Of one managed interface, by its place in state->ifaces. */
struct lifecycle_drift {
	uint32_t mtu; /* as it was when the config was put in force; 0: not seen yet */
	bool is[LIFECYCLE_DRIFT_KINDS];
	char program[96]; /* which one of somebody else, and where */
};

const char *lifecycle_drift_name(enum lifecycle_drift_kind kind);

/* ---- lifecycle.c ---- */

struct lifecycle {
	struct lifecycle_records records;
	char path[PATH_MAX / 8];
	const struct netdev *netdev;
	struct event *timer;
	bool dirty; /* the file is to be written */
	bool unsaved_said;
	bool retry; /* failed ones, when there is time */
	struct lifecycle_drift drift[NATGW_IFACES_MAX];
};

/* time(), and the skew of tests. */
int64_t lifecycle_now(const struct natgwd_state *state);

/* The hooks of struct natgwd_state. */
bool lifecycle_admit(struct natgwd_state *state, const struct config *config, uint32_t index);
void lifecycle_moved(struct natgwd_state *state, uint32_t index, enum natgw_gateway_state from);

/* After start and each reload: records follow the private IPs in the maps, by which a restart knows
 * its gateways. */
void lifecycle_note_private_ips(struct natgwd_state *state);

/* Failed gateways of the config that may be available now become so. */
void lifecycle_retry(struct natgwd_state *state);

/* ---- lifecycle_service.c ---- */

/* What a start that ended so is to be called; release: the kernel's, "6.1.0-18-amd64". */
enum lifecycle_code lifecycle_start_code(enum lifecycle_stage stage, int err, const char *release);

#endif
