/* SPDX-License-Identifier: GPL-2.0-only */
/* A sample as a line of JSON. Pure but for what natgwd knows of names. */
#ifndef NATGW_USER_DROP_SAMPLES_TEXT_H
#define NATGW_USER_DROP_SAMPLES_TEXT_H

#include <jansson.h>

#include "drop_samples_frame.h"
#include "state.h"

/*
 * "time" (UTC, microseconds), "time_ns" (since 1970), "reason", "text", "gateway", "hook",
 * "direction", "interface" (that it came in by; "" for the host's own), "length" of the frame,
 * "captured" bytes of it in "data" (hex, from the Ethernet header on). IPv4: "protocol", "src",
 * "dst"; TCP and UDP: "src_port", "dst_port"; ICMP: "icmp_type", "icmp_code"; else "ether_type".
 * boot_ns: what to add to the sample's time. NULL: out of memory.
 */
json_t *drop_samples_text(const struct natgwd_state *state, const struct natgw_sample *sample,
			  const struct drop_samples_frame *frame, int64_t boot_ns);

#endif
