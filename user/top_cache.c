// SPDX-License-Identifier: GPL-2.0-only
/* Reads what top.c adds up, and keeps it for those who ask again at once. */
#include <time.h>

#include "datapath.h"
#include "top.h"

#define CACHE_NS 1000000000ULL

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int top_get(struct top_cache *cache, struct datapath *dp, const struct top **ret_top)
{
	int r = 0;

	if (cache->made_ns == 0 || now_ns() - cache->made_ns >= CACHE_NS) {
		top_forget(cache);
		r = datapath_each_session(dp, top_add_session, &cache->top);
		if (r == 0) {
			r = datapath_each_client(dp, top_add_client, &cache->top);
		}
		if (r == 0) {
			r = datapath_each_destination(dp, top_add_destination, &cache->top);
		}
		if (r == 0) {
			r = top_finish(&cache->top);
		}
		if (r < 0) {
			top_forget(cache);
			return r;
		}
		cache->made_ns = now_ns();
	}
	*ret_top = &cache->top;
	return 0;
}

void top_forget(struct top_cache *cache)
{
	top_free(&cache->top);
	cache->made_ns = 0;
}
