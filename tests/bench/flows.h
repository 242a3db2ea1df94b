/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * New connections by number, for user space and for the generator program: every number has a
 * client endpoint of its own, all have the same destination. Clients 10.0.1.2 and up, source ports
 * in Linux's own range, so that several clients use the same one, as real ones do.
 */
#ifndef NATGW_TESTS_BENCH_FLOWS_H
#define NATGW_TESTS_BENCH_FLOWS_H

#include <linux/types.h>

#define FLOW_CLIENTS 250
#define FLOW_PORT_FIRST 32768
#define FLOW_PORTS 28232 /* has no factor in common with the steps below */
/* From here on they repeat. */
#define FLOWS_MAX (FLOW_CLIENTS * FLOW_PORTS)

/* Last byte of the client's address. */
static inline __attribute__((always_inline)) __u8 flow_client(__u32 number)
{
	return (__u8)(2 + number % FLOW_CLIENTS);
}

static inline __attribute__((always_inline)) __u16 flow_port(__u32 number)
{
	__u32 client = number % FLOW_CLIENTS, turn = number / FLOW_CLIENTS;

	return (__u16)(FLOW_PORT_FIRST + (client * 1009 + turn * 7919) % FLOW_PORTS);
}

#endif
