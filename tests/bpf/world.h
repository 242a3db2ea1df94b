/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A gateway with everything in it at once, for frames at random: two EIPs, a second gateway in two
 * stages, a public address of an internal host, port forwards with hairpin, DNAT and SNAT rules, an
 * endpoint-independent mapping, fragments of every protocol, an access list.
 */
#ifndef NATGW_TESTS_BPF_WORLD_H
#define NATGW_TESTS_BPF_WORLD_H

#include "harness.h"
#include "laws.h"

#define WORLD_MAPPED IP(10, 0, 1, 130) /* an internal host with a public address of its own */
#define WORLD_PUBLIC IP(203, 0, 113, 99)
#define WORLD_OPEN IP(10, 0, 1, 131)	/* its UDP mappings let anybody in */
#define WORLD_CLIENT_2 IP(10, 0, 2, 10) /* behind gateway 2 */
#define WORLD_PRIVATE_IP_2 IP(10, 0, 2, 1)
#define WORLD_STAGED IP(10, 0, 0, 226)		/* the EIP of gateway 2, */
#define WORLD_STAGED_PUBLIC IP(203, 0, 113, 52) /* and what is on the wire in its place */
#define WORLD_DENIED IP(198, 51, 100, 66)
#define WORLD_SERVER IP(10, 0, 1, 11) /* what the forwards lead to */
#define WORLD_FORWARD_TCP 8080	      /* of EIP, to port 80 */
#define WORLD_FORWARD_UDP 5353	      /* to port 53 */
#define WORLD_DNAT_PORT 8001	      /* becomes 443, and leaves by another EIP */
#define WORLD_DNAT_TO 443

/* On a bench that is as new. */
void world_make(struct bench *bench);

/* The same for the judge. */
extern const struct laws_world world_laws;

#endif
