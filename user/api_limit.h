/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many connections the API takes at a time. natgwd needs descriptors for its own work; clients
 * that hold connections must neither use them up nor keep others from being answered: at the limit
 * the oldest that has not asked yet has to go, for the one that comes.
 */
#ifndef NATGW_USER_API_LIMIT_H
#define NATGW_USER_API_LIMIT_H

#include <stdint.h>

struct event_base;
struct evhttp;
struct api_limit;

/* How far a connection has come. */
enum api_limit_stage {
	API_LIMIT_WAITING,  /* for its request */
	API_LIMIT_ANSWERED, /* reads its answer; goes when nobody waits */
	API_LIMIT_STREAM,   /* is never told to go: api_stream.h has a limit of its own */
};

/* As many descriptors as this process may have, and libevent's lines in natgwd's log. */
void api_limit_descriptors(void);

/* fd: a listening socket. ended counts those that had to go. */
int api_limit_new(struct event_base *base, int fd, uint64_t *ended, struct api_limit **ret_limit);
/* The server accepts on the descriptor from now on, and owns it on success. */
int api_limit_accept(struct api_limit *limit, struct evhttp *server);
/* fd: of a connection. */
void api_limit_set_stage(struct api_limit *limit, int fd, enum api_limit_stage stage);

/* Before the server is freed. NULL: nothing. */
void api_limit_free(struct api_limit *limit);

#endif
