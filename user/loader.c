// SPDX-License-Identifier: GPL-2.0-only
/*
 * The BPF object. Responsible for: what the pins mean, the sizes of the maps, loading and pinning.
 * Not for attaching (attach) nor for the rows of any map but "layout".
 *
 * "layout" is pinned last: where it is, every map was complete once. Where it is missing, a start
 * was cut short before it attached anything, and what it left is thrown away.
 */
#include "loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "natgw_table.h"

#include "natgw.skel.h"

#include "cleanup.h"
#include "config.h"
#include "defrag.h"
#include "loader_iter.h"
#include "log.h"
#include "natgw_maps.h"
#include "pindir.h"

#define LOADER_LAYOUT "layout"

struct loader {
	struct natgw_bpf *skeleton;
	char pin_path[CONFIG_PATH_MAX];
	bool fresh;
	struct natgw_layout layout;
};

struct loader_copy {
	struct natgw_bpf *skeleton;
};

static int open_pin(const char *pin_path, const char *name)
{
	char path[PINDIR_PATH_MAX];
	int fd;

	pindir_join(path, pin_path, "", name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

/* ---- whose a pin is ---- */

static bool is_own(const char *name, void *arg)
{
	/* Programs, links at interfaces, and what pindir_replace was killed over. */
	static const char *const prefixes[] = { "natgw_", "xdp_", "shared_", "new_" };
	/* Maps of earlier layouts. */
	static const char *const former[] = { "icmp_budget" };
	const struct natgw_bpf *skeleton = arg;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(former) / sizeof(former[0]); i++) {
		if (strcmp(name, former[i]) == 0) {
			return true;
		}
	}
	return loader_iter_is_pin(name) || defrag_is_pin(name) ||
	       bpf_object__find_map_by_name(skeleton->obj, name);
}

static int find_foreign(const char *path, const char *name, void *arg)
{
	if (is_own(name, arg)) {
		return 0;
	}
	log_error("pin_path %s holds \"%s\", which is not natgw's: choose a folder of its own",
		  path, name);
	return -EEXIST;
}

/* Removes natgw's pins; -EEXIST and nothing done when whole and one is somebody else's. */
static int clear_own(const char *pin_path, bool whole)
{
	struct natgw_bpf *skeleton = natgw_bpf__open();
	char path[PINDIR_PATH_MAX];
	int err = skeleton ? 0 : -errno;

	if (!err && whole) {
		err = pindir_each(pin_path, find_foreign, skeleton);
	}
	pindir_join(path, pin_path, "", LOADER_LAYOUT);
	if (!err && unlink(path) < 0 && errno != ENOENT) {
		err = -errno;
	}
	if (!err) {
		err = pindir_clear(pin_path, is_own, skeleton);
	}
	natgw_bpf__destroy(skeleton);
	return err;
}

int loader_clear(const char *pin_path)
{
	int err = clear_own(pin_path, false);

	if (err || rmdir(pin_path) == 0) {
		return err;
	}
	if (errno != ENOTEMPTY) {
		return -errno;
	}
	log_warning("%s stays: it holds pins that are not natgw's", pin_path);
	return 0;
}

/* ---- the layout ---- */

static int find_link(const char *path, const char *name, void *arg)
{
	(void)path;
	(void)arg;
	return strncmp(name, "xdp_", 4) == 0 ? -EEXIST : 0;
}

/* No layout: throw away what a start left behind, unless something is attached all the same. */
static int start_fresh(struct loader *loader, uint32_t sessions)
{
	int err = pindir_each(loader->pin_path, find_link, NULL);

	if (err == -EEXIST) {
		log_error(
			"%s holds attached programs, but its map \"layout\" is gone: natgwd --detach removes them (and ends their sessions)",
			loader->pin_path);
		return -EPROTO;
	}
	if (!err) {
		err = clear_own(loader->pin_path, true);
	}
	if (err == -EEXIST) {
		return err;
	}
	if (err) {
		log_error("cannot clear %s: %s", loader->pin_path, strerror(-err));
		return err;
	}
	loader->fresh = true;
	loader->layout.version = NATGW_LAYOUT_VERSION;
	loader->layout.sessions_max = sessions;
	return getrandom(&loader->layout.seed, sizeof(loader->layout.seed), 0) < 0 ? -errno : 0;
}

/* Somebody else's map of this name may have rows that are longer than what they are read into. */
static int check_layout(int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &length) < 0) {
		return -errno;
	}
	return info.value_size == sizeof(struct natgw_layout) && info.key_size == sizeof(__u32)
		       ? 0
		       : -EPROTO;
}

static int read_layout(struct loader *loader, uint32_t sessions)
{
	_cleanup_close_ int fd = open_pin(loader->pin_path, LOADER_LAYOUT);
	__u32 key = 0;
	int err;

	if (fd == -ENOENT) {
		return start_fresh(loader, sessions);
	}
	err = fd < 0 ? fd : check_layout(fd);
	if (!err && bpf_map_lookup_elem(fd, &key, &loader->layout) < 0) {
		err = -errno;
	}
	if (err) {
		log_error("cannot read %s/" LOADER_LAYOUT ": %s", loader->pin_path, strerror(-err));
		return err;
	}
	if (loader->layout.version != NATGW_LAYOUT_VERSION) {
		log_error(
			"the maps in %s have layout version %u, this natgwd has %u: natgwd --detach removes them and ends their sessions",
			loader->pin_path, loader->layout.version, NATGW_LAYOUT_VERSION);
		return -EPROTO;
	}
	if (loader->layout.sessions_max != sessions) {
		log_warning(
			"limits.sessions is %u, the pinned tables are for %u and are kept: natgwd --detach first to change it (ends their sessions)",
			sessions, loader->layout.sessions_max);
	}
	return 0;
}

static int check_map(struct bpf_map *map, int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &length) < 0) {
		return -errno;
	}
	/* The object's map has the size that the layout asks for (size_maps). */
	if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map) ||
	    info.max_entries != bpf_map__max_entries(map)) {
		return -EPROTO;
	}
	return 0;
}

static int reuse_map(const char *pin_path, struct bpf_map *map)
{
	_cleanup_close_ int fd = open_pin(pin_path, bpf_map__name(map));
	int err;

	if (fd == -ENOENT) {
		return 0;
	}
	if (fd < 0) {
		return fd;
	}
	err = check_map(map, fd);
	/* Takes a copy of the descriptor. */
	return err ? err : bpf_map__reuse_fd(map, fd);
}

static int reuse_maps(const struct loader *loader, struct natgw_bpf *skeleton)
{
	struct bpf_map *map;

	bpf_object__for_each_map (map, skeleton->obj) {
		int err = 0;

		if (bpf_map__is_internal(map)) {
			continue;
		}
		if (!loader->fresh && !pindir_has(loader->pin_path, bpf_map__name(map))) {
			log_error(
				"map %s is missing in %s: natgwd --detach removes the others (and ends their sessions)",
				bpf_map__name(map), loader->pin_path);
			return -EPROTO;
		}
		err = bpf_map__set_pin_path(map, NULL);
		if (!err) {
			err = reuse_map(loader->pin_path, map);
		}
		if (err) {
			log_error("cannot take over map %s of %s: %s", bpf_map__name(map),
				  loader->pin_path,
				  err == -EPROTO ? "it has another type or size" : strerror(-err));
			return err;
		}
	}
	return 0;
}

/* By the layout, which is that of the pinned maps where there are some. */
static int size_maps(const struct loader *loader, struct natgw_bpf *skeleton)
{
	const uint32_t sessions = loader->layout.sessions_max;
	const struct natgw_table_size size = natgw_table_size_for(sessions, loader->layout.seed);
	const struct {
		const char *name;
		uint32_t rows;
	} tables[] = {
		{ "outbound", natgw_table_slots(&size) },
		{ "inbound", natgw_table_slots(&size) },
		{ "walk", natgw_table_slots(&size) / NATGW_TABLE_STRIDE },
		{ "clients", sessions },
		{ "client_ports", sessions },
		{ "destinations",
		  sessions / NATGW_DESTINATION_SESSIONS + NATGW_DESTINATIONS_EXTRA },
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(skeleton->obj, tables[i].name);
		int err = map ? bpf_map__set_max_entries(map, tables[i].rows) : -ENOENT;

		if (err) {
			return err;
		}
	}
	memcpy((void *)&skeleton->rodata->session_size, &size, sizeof(size));
	return 0;
}

static int open_object(const struct loader *loader, struct natgw_bpf **ret_skeleton)
{
	struct natgw_bpf *skeleton = natgw_bpf__open();
	int err;

	if (!skeleton) {
		err = -errno;
		log_error("cannot open the BPF object: %s", strerror(-err));
		return err;
	}
	err = size_maps(loader, skeleton);
	if (err) {
		log_error("cannot size the session tables: %s", strerror(-err));
	} else {
		err = reuse_maps(loader, skeleton);
	}
	if (err) {
		natgw_bpf__destroy(skeleton);
		return err;
	}
	*ret_skeleton = skeleton;
	return 0;
}

int loader_open(const char *pin_path, uint32_t sessions, struct loader **ret_loader)
{
	struct loader *loader = calloc(1, sizeof(*loader));
	int err;

	if (!loader) {
		return -ENOMEM;
	}
	snprintf(loader->pin_path, sizeof(loader->pin_path), "%s", pin_path);
	err = read_layout(loader, sessions);
	if (!err) {
		err = open_object(loader, &loader->skeleton);
	}
	if (err) {
		loader_free(loader);
		return err;
	}
	*ret_loader = loader;
	return 0;
}

static int pin_map(const struct loader *loader, struct bpf_map *map)
{
	char path[PINDIR_PATH_MAX];

	pindir_join(path, loader->pin_path, "", bpf_map__name(map));
	if (bpf_obj_pin(bpf_map__fd(map), path) < 0 && errno != EEXIST) {
		int err = -errno;

		log_error("cannot pin map %s in %s: %s", bpf_map__name(map), loader->pin_path,
			  strerror(-err));
		return err;
	}
	return 0;
}

/* The maps, and at the very end the one that says that they are complete. */
static int pin_maps(const struct loader *loader)
{
	struct bpf_map *layout = NULL;
	struct bpf_map *map;
	__u32 key = 0;

	bpf_object__for_each_map (map, loader->skeleton->obj) {
		int err = 0;

		if (bpf_map__is_internal(map)) {
			continue;
		}
		if (strcmp(bpf_map__name(map), LOADER_LAYOUT) == 0) {
			layout = map;
			continue;
		}
		err = pin_map(loader, map);
		if (err) {
			return err;
		}
	}
	if (!layout) {
		return -ENOENT;
	}
	if (bpf_map_update_elem(bpf_map__fd(layout), &key, &loader->layout, BPF_ANY) < 0) {
		return -errno;
	}
	return pin_map(loader, layout);
}

static int pin_programs(const struct loader *loader)
{
	int err = loader_iter_pin(loader->skeleton->obj, loader->pin_path);

	for (int i = 0; !err && i < LOADER_PROGRAM_COUNT; i++) {
		int fd = loader_program_fd(loader, (enum loader_program)i);

		err = fd < 0 ? fd
			     : pindir_replace(loader->pin_path,
					      loader_program_name((enum loader_program)i), fd);
		if (err) {
			log_error("cannot pin the program %s in %s: %s",
				  loader_program_name((enum loader_program)i), loader->pin_path,
				  strerror(-err));
		}
	}
	return err;
}

int loader_load(struct loader *loader)
{
	int err = natgw_bpf__load(loader->skeleton);

	if (err) {
		log_error("cannot load the BPF programs: %s%s", strerror(-err),
			  err == -EPERM ? " (natgwd needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON)"
					: "");
		return err;
	}
	err = pin_maps(loader);
	if (err) {
		log_error("cannot pin the maps in %s: %s", loader->pin_path, strerror(-err));
		return err;
	}
	return pin_programs(loader);
}

bool loader_is_fresh(const struct loader *loader)
{
	return loader->fresh;
}

int loader_program_fd(const struct loader *loader, enum loader_program program)
{
	const struct bpf_program *found = bpf_object__find_program_by_name(
		loader->skeleton->obj, loader_program_name(program));

	return found ? bpf_program__fd(found) : -ENOENT;
}

int loader_copy_program(const struct loader *loader, enum loader_program program,
			struct loader_copy **ret_copy, struct bpf_object **ret_object)
{
	_cleanup_free_ struct loader_copy *copy = calloc(1, sizeof(*copy));
	struct bpf_program *each;
	int err;

	if (!copy) {
		return -ENOMEM;
	}
	err = open_object(loader, &copy->skeleton);
	if (err) {
		return err;
	}
	bpf_object__for_each_program (each, copy->skeleton->obj) {
		bool wanted = strcmp(bpf_program__name(each), loader_program_name(program)) == 0;

		bpf_program__set_autoload(each, wanted);
	}
	*ret_object = copy->skeleton->obj;
	*ret_copy = TAKE_PTR(copy);
	return 0;
}

void loader_free_copy(struct loader_copy *copy)
{
	if (copy) {
		natgw_bpf__destroy(copy->skeleton);
		free(copy);
	}
}

void loader_free(struct loader *loader)
{
	if (loader) {
		natgw_bpf__destroy(loader->skeleton);
		free(loader);
	}
}
