// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins the iterators. natgwd itself reads them by pin, so that the data path may be asked without
 * the loader; "sessions" is text, for cat, all others are natgwd's.
 */
#include "loader_iter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "pindir.h"

struct iterator {
	const char *program;
	const char *map;
	const char *pin;
};

static const struct iterator iterators[] = {
	{ "natgw_sessions", "walk", "sessions" },
	{ "natgw_dump", "walk", "dump" },
	{ "natgw_sweep", "walk", "sweep" },
	{ "natgw_kill", "walk", "kill_run" },
	{ "natgw_sweep_dst", "destinations", "sweep_dst" },
	{ "natgw_sweep_cli", "clients", "sweep_cli" },
	{ "natgw_sweep_frg", "fragments", "sweep_frg" },
	{ "natgw_dests", "destinations", "dests" },
};

#define ITERATOR_COUNT (sizeof(iterators) / sizeof(iterators[0]))

bool loader_iter_is_pin(const char *name)
{
	for (size_t i = 0; i < ITERATOR_COUNT; i++) {
		if (strcmp(name, iterators[i].pin) == 0) {
			return true;
		}
	}
	return false;
}

static int pin_one(const struct bpf_object *object, const struct iterator *iterator,
		   const char *pin_path)
{
	const struct bpf_program *program =
		bpf_object__find_program_by_name(object, iterator->program);
	const struct bpf_map *map = bpf_object__find_map_by_name(object, iterator->map);
	union bpf_iter_link_info info = { 0 };
	LIBBPF_OPTS(bpf_link_create_opts, options);
	_cleanup_close_ int fd = -1;

	if (!program || !map) {
		return -ENOENT;
	}
	info.map.map_fd = (__u32)bpf_map__fd(map);
	options.iter_info = &info;
	options.iter_info_len = sizeof(info);
	fd = bpf_link_create(bpf_program__fd(program), 0, BPF_TRACE_ITER, &options);
	return fd < 0 ? -errno : pindir_replace(pin_path, iterator->pin, fd);
}

int loader_iter_pin(const struct bpf_object *object, const char *pin_path)
{
	for (size_t i = 0; i < ITERATOR_COUNT; i++) {
		int err = pin_one(object, &iterators[i], pin_path);

		if (err) {
			log_error("cannot pin the iterator %s in %s: %s", iterators[i].pin,
				  pin_path, strerror(-err));
			return err;
		}
	}
	return 0;
}
