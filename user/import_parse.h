/* SPDX-License-Identifier: GPL-2.0-only */
/* One session of the body of POST /v1/import. Pure. */
#ifndef NATGW_USER_IMPORT_PARSE_H
#define NATGW_USER_IMPORT_PARSE_H

#include <jansson.h>

#include "natgw_operate.h"

#define IMPORT_PARSE_WHY_MAX 160

/* -EINVAL: why (IMPORT_PARSE_WHY_MAX bytes) says what would be right. */
int import_parse(const json_t *json, struct natgw_import *ret_session, char *why);

#endif
