/* SPDX-License-Identifier: GPL-2.0-only */
/* Words of the tables in which packets come to and from other endpoints than the standard ones. */
#ifndef NATGW_TESTS_BPF_CATALOGUE_WAYS_H
#define NATGW_TESTS_BPF_CATALOGUE_WAYS_H

#include "catalogue_setup.h"

#define STEP_OUT .at = AT_INT, .verdict = NATGW_TRANSLATED
#define STEP_IN .at = AT_EXT, .verdict = NATGW_TRANSLATED

#define ERROR(from, to, t, c, about, l4)                                           \
	.src = (from), .dst = (to), .proto = PROTO_ICMP, .type = (t), .code = (c), \
	.quote = (about), .quote_l4 = (l4)
#define TCP_PORTS(from, from_port, to, to_port, f)                                                \
	.src = (from), .sport = (from_port), .dst = (to), .dport = (to_port), .proto = PROTO_TCP, \
	.flags = (f)
#define UDP_SIZED(from, from_port, to, to_port, bytes)                                            \
	.src = (from), .sport = (from_port), .dst = (to), .dport = (to_port), .proto = PROTO_UDP, \
	.payload = (bytes)
#define UDP_PORTS(from, from_port, to, to_port) UDP_SIZED(from, from_port, to, to_port, 40)
#define HAIRPIN .form = FORM_HAIRPIN, .xdp = NATGW_DEFER_HAIRPIN, .check = NATGW_TRANSLATED

#endif
