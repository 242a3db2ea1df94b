// SPDX-License-Identifier: GPL-2.0-only
/* Have the programs written where they should not? */
#include "path_internal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natgw.skel.h"

/* Rows of a batch. */
#define BATCH 4096
/* Maps that are read for every row; the rest is large, and for fragments and rules. */
#define SMALL 5
/* EIPs of which the ports are looked at. */
#define EIPS 4

static const char *const map_names[PATH_MAPS] = {
	"clients",	  "client_ports", "destinations",    "gateway_use",
	"fragments",	  "fragment_use", "rule_hits",	     "ip_ids",
	"reserved_ports", "port_use",	  "destination_use",
};

static void fail_map(const char *what)
{
	perror(what);
	exit(2);
}

/* FNV-1a; rows of a map are added up, so that their order does not matter. */
static __u64 hash_bytes(__u64 hash, const void *bytes, size_t len)
{
	const __u8 *at = bytes;

	for (size_t i = 0; i < len; i++) {
		hash = (hash ^ at[i]) * 0x100000001b3ULL;
	}
	return hash;
}

/* Of the same in big steps, for large stretches of memory. */
static __u64 hash_words(const void *bytes, size_t len)
{
	const __u64 *at = bytes;
	__u64 hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < len / sizeof(*at); i++) {
		hash = (hash ^ at[i]) * 0x100000001b3ULL;
	}
	return hash;
}

static size_t row_size(const struct bpf_map *map, int cpus)
{
	size_t size = bpf_map__value_size(map);

	if (bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY) {
		size = (size + 7) / 8 * 8 * (size_t)cpus;
	}
	return size;
}

/* All rows of a map of any kind. */
static __u64 digest_map(const struct bpf_map *map, int cpus)
{
	size_t key = bpf_map__key_size(map), value = row_size(map, cpus);
	__u32 most = value > 1024 ? BATCH / 32 : BATCH, count, next[4];
	__u8 *keys = calloc(most, key), *values = calloc(most, value);
	void *from = NULL;
	__u64 digest = 0;
	int error = 0;

	if (!keys || !values) {
		fail_map("digest");
	}
	while (!error) {
		count = most;
		error = bpf_map_lookup_batch(bpf_map__fd(map), from, next, keys, values, &count,
					     NULL);
		for (__u32 i = 0; i < count && (!error || error == -ENOENT); i++) {
			digest += hash_bytes(hash_bytes(0xcbf29ce484222325ULL, keys + i * key, key),
					     values + i * value, value);
		}
		from = next;
	}
	if (error != -ENOENT) {
		fail_map(bpf_map__name(map));
	}
	free(keys);
	free(values);
	return digest;
}

static __u64 digest_port_use(const struct bench *bench)
{
	size_t len = sizeof(struct natgw_port_bits) * EIPS * NATGW_PROTO_COUNT;

	return hash_words(&bench->port_use[natgw_port_use_index(0, 0, 0)], len) * 3 +
	       hash_words(&bench->port_use[natgw_port_use_index(1, 0, 0)], len);
}

void path_maps_read(const struct bench *bench, bool all, struct path_maps *ret_maps)
{
	const struct bpf_map *const maps[] = {
		bench->skel->maps.clients,	bench->skel->maps.client_ports,
		bench->skel->maps.destinations, bench->skel->maps.gateway_use,
		bench->skel->maps.fragments,	bench->skel->maps.fragment_use,
		bench->skel->maps.rule_hits,	bench->skel->maps.ip_ids,
	};
	size_t plain = sizeof(maps) / sizeof(maps[0]);

	for (size_t i = 0; i < (all ? plain : SMALL); i++) {
		ret_maps->digest[i] = digest_map(maps[i], bench->cpus);
	}
	ret_maps->digest[plain] = hash_words(
		bench->reserved_ports, sizeof(struct natgw_port_bits) * EIPS * NATGW_PROTO_COUNT);
	ret_maps->digest[plain + 1] = digest_port_use(bench);
	ret_maps->digest[plain + 2] =
		hash_words(bench->destination_use, 2 * sizeof(*bench->destination_use));
}

const char *path_maps_changed(const struct path_maps *before, const struct path_maps *after,
			      const char *but)
{
	for (size_t i = 0; i < PATH_MAPS; i++) {
		if (before->digest[i] != after->digest[i] && (!but || !strstr(but, map_names[i]))) {
			return map_names[i];
		}
	}
	return NULL;
}
