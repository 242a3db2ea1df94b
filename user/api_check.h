/* SPDX-License-Identifier: GPL-2.0-only */
/* GET /v1/check: what would become of a client's packet, and why. */
#ifndef NATGW_USER_API_CHECK_H
#define NATGW_USER_API_CHECK_H

struct api_answer;

/* Query: client (ADDRESS, or ADDRESS:PORT), dst, port, proto (tcp, udp, icmp, or a number). */
int api_check_answer(struct api_answer *answer);

#endif
