/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATGW_USER_RELOAD_H
#define NATGW_USER_RELOAD_H

#include "follow.h"

/*
 * Reads the config file again and applies the difference. What has an error or does not
 * fit changes nothing; what needs a restart is said and stays as it is. Counts in state.
 */
void reload_config(struct follow *follow);

#endif
