/* SPDX-License-Identifier: GPL-2.0-only */
/* Which programs go where, and how: the choice between native, generic and shared XDP and tc only.
 */
#ifndef NATGW_USER_ATTACH_H
#define NATGW_USER_ATTACH_H

#include <stdint.h>

#include "loader.h"
#include "state.h"

struct attach;

/* loader and config->pin_path stay the caller's; the loader must outlive this. */
int attach_new(const struct loader *loader, const struct config *config,
	       struct attach **ret_attach);
void attach_free(struct attach *attach);

/*
 * Attaches to iface->ifindex, in place of what an earlier natgwd left there, and fills attach and
 * attach_reason. Says in one line what was chosen, or what is wrong.
 */
int attach_iface(struct attach *attach, struct iface_state *iface);

/* Sets the tc filters again that somebody has taken away; *ret_lost says whether any were. */
int attach_repair(const struct attach *attach, const struct iface_state *iface, bool *ret_lost);

/* Takes away every filter and link of this run where natgw had none before. */
void attach_undo(struct attach *attach);

/* Removes everything of natgw's from an interface; ifindex 0: it is gone, only the pins are left.
 */
int attach_remove(const char *pin_path, const char *name, uint32_t ifindex);

/*
 * True when XDP programs of this gateway may redirect to iface: native XDP, or generic XDP when no
 * interface of the gateway has native XDP.
 */
bool attach_takes_redirect(const struct natgwd_state *state, const struct iface_state *iface);

#endif
