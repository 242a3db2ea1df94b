/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many connections the API takes at a time. natgwd needs descriptors for its own work; clients
 * that hold connections must not use them up.
 */
#ifndef NATGW_USER_API_LIMIT_H
#define NATGW_USER_API_LIMIT_H

struct event_base;
struct evhttp;
struct api_limit;

/* As many descriptors as this process may have, and libevent's lines in natgwd's log. */
void api_limit_descriptors(void);

/* The server accepts on fd from now on, and owns it on success. */
int api_limit_accept(struct event_base *base, struct evhttp *server, int fd,
		     struct api_limit **ret_limit);

/* Before the server is freed. */
void api_limit_free(struct api_limit *limit);

#endif
