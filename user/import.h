/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * POST /v1/import: sessions of another NAT of this host become natgw's own. The body is an array of
 * at most IMPORT_ROWS_MAX objects: protocol, client, client_port, remote, remote_port, eip,
 * eip_port, established (ICMP: client_port and eip_port are the identifiers, remote_port is 0).
 * Answers how many were "taken", "there" already and, by reason, "refused". A body that is wrong
 * anywhere changes nothing.
 */
#ifndef NATGW_USER_IMPORT_H
#define NATGW_USER_IMPORT_H

#define IMPORT_ROWS_MAX 2000

struct api_answer;

int import_answer(struct api_answer *answer);

#endif
