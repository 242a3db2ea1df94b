/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The words that JSON, metrics and CLI use for the numbers of include/: one place, so that they
 * agree. A number outside the list gives "unknown".
 */
#ifndef NATGW_USER_NAMES_H
#define NATGW_USER_NAMES_H

#include "natgw_maps.h"

const char *names_hook(unsigned int hook);
const char *names_direction(unsigned int direction);
/* Of a verdict: the label ("no_session") and its class. */
const char *names_verdict(unsigned int verdict);
const char *names_verdict_text(unsigned int verdict); /* a sentence */
enum natgw_verdict_class names_verdict_class(unsigned int verdict);
const char *names_class(unsigned int verdict_class);
const char *names_proto(unsigned int proto);	/* enum natgw_proto */
const char *names_ip_proto(unsigned int proto); /* IPPROTO_* */
const char *names_session_state(unsigned int state);
const char *names_gateway_state(unsigned int state);
const char *names_alloc_error(unsigned int error);
const char *names_close_cause(unsigned int cause);
const char *names_hold(unsigned int hold);
const char *names_origin(unsigned int origin);
const char *names_generated(unsigned int kind);
const char *names_rule_kind(unsigned int kind);

#endif
