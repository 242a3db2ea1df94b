/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Endpoints that change something: POST, control socket only. Query of all but block: dry_run=1,
 * save=1. Refused: 400 when the request is wrong in itself, 409 when it does not go with what is in
 * force; then nothing has changed.
 */
#ifndef NATGW_USER_API_CHANGE_H
#define NATGW_USER_API_CHANGE_H

#include "api_answer.h"

/* Body: the text of a config; query file: its name, for messages. */
int api_change_apply(struct api_answer *answer);

/* These have a JSON object as their body. Lists are texts with commas between. */
int api_change_create(struct api_answer *answer);  /* name, private_ip, eips, [subnets, profile] */
int api_change_delete(struct api_answer *answer);  /* name */
int api_change_tag(struct api_answer *answer);	   /* name, tags: {key: value}; "" takes it away */
int api_change_attach(struct api_answer *answer);  /* gateway, eips */
int api_change_detach(struct api_answer *answer);  /* gateway, eips, [drain_s] */
int api_change_replace(struct api_answer *answer); /* table, to, target */
int api_change_block(struct api_answer *answer);   /* blocked: true or false, [gateway] */

#endif
