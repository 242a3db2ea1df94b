/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Samples of dropped packets for those who watch: while somebody does, the data path keeps the
 * beginning of each packet that it drops for the wanted reasons, ten times a second they are read
 * and sent as lines of JSON. When nobody does it costs nothing.
 */
#ifndef NATGW_USER_DROP_SAMPLES_H
#define NATGW_USER_DROP_SAMPLES_H

struct api_answer;
struct drop_samples;
struct event_base;
struct natgwd_state;

/* Switches off what a natgwd before this one has left switched on. */
int drop_samples_start(struct event_base *base, struct natgwd_state *state,
		       struct drop_samples **ret_samples);
/* NULL: nothing to do. All streams have ended before. */
void drop_samples_stop(struct drop_samples *samples);

/*
 * GET /v1/drops: a stream. Query: reason (one or more labels with commas; without: all), client (an
 * address that the packet must have at one end). Lines: {"sampling":[...]} when it is switched on,
 * then one for each packet (drop_samples_text.h), and {"lost":N} where N samples are missing.
 */
int drop_samples_answer(struct api_answer *answer);

#endif
