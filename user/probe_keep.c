// SPDX-License-Identifier: GPL-2.0-only
/* The page of the probe's counters: its pin, its map, its place in memory. */
#include "probe_keep.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>

#include "cleanup.h"
#include "pindir.h"

/* Of the names that loader.c knows as natgw's own. */
#define PIN "natgw_probe"

static int make_map(const char *path)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	_cleanup_close_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, PIN, sizeof(uint32_t),
						sizeof(struct probe_keep), 1, &options);

	if (fd < 0) {
		return -errno;
	}
	return bpf_obj_pin(fd, path) < 0 ? -errno : TAKE_FD(fd);
}

static int open_map(const char *path)
{
	int fd = bpf_obj_get(path);

	if (fd >= 0 || errno != ENOENT) {
		return fd < 0 ? -errno : fd;
	}
	return make_map(path);
}

int probe_keep_open(const char *pin_path, struct probe_keep **ret_keep)
{
	char path[PINDIR_PATH_MAX];

	pindir_join(path, pin_path, "", PIN);

	_cleanup_close_ int fd = open_map(path);

	if (fd < 0) {
		return fd;
	}
	void *page =
		mmap(NULL, sizeof(struct probe_keep), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED) {
		return -errno;
	}
	*ret_keep = page;
	return 0;
}

void probe_keep_close(struct probe_keep *keep)
{
	if (keep) {
		munmap(keep, sizeof(*keep));
	}
}
