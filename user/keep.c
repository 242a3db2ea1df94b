// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page, its pin and its map; and the cost of programs, which the kernel counts for each load
 * anew. Not responsible for what the counters mean.
 */
#include "keep.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "loader.h"
#include "pindir.h"

/* Of the names that loader.c knows as natgw's own. */
#define KEEP_PIN "natgw_keep"
#define KEEP_PAGE 4096

/*
 * What went before, and the program that was pinned when natgwd last looked, with its cost at that
 * moment. While it is still the one that is pinned (the start was cut short) it is asked again.
 */
struct keep_program {
	char name[16];
	uint64_t id;
	struct keep_cost before;
	struct keep_cost last;
};

struct keep_page {
	uint64_t counters[KEEP_ROOM];
	struct keep_program programs[KEEP_PROGRAMS];
};
_Static_assert(sizeof(struct keep_page) <= KEEP_PAGE, "one page");

struct keep {
	struct keep_page *page;
	char pin_path[PINDIR_PATH_MAX];
};

/* ---- programs ---- */

static int read_program(const char *pin_path, const char *name, struct bpf_prog_info *ret_info)
{
	char path[PINDIR_PATH_MAX];
	__u32 size = sizeof(*ret_info);

	pindir_join(path, pin_path, "", name);

	_cleanup_close_ int fd = bpf_obj_get(path);

	if (fd < 0) {
		return -errno;
	}
	return bpf_obj_get_info_by_fd(fd, ret_info, &size) < 0 ? -errno : 0;
}

static void add_cost(struct keep_cost *sum, const struct keep_cost *cost)
{
	sum->time_ns += cost->time_ns;
	sum->runs += cost->runs;
}

/* NULL: there is none of that name, and with "make" no room for it. */
static struct keep_program *find_program(struct keep_page *page, const char *name, bool make)
{
	for (size_t i = 0; i < KEEP_PROGRAMS; i++) {
		struct keep_program *program = &page->programs[i];

		if (make && !program->name[0]) {
			strncpy(program->name, name, sizeof(program->name) - 1);
		}
		if (strncmp(program->name, name, sizeof(program->name)) == 0) {
			return program;
		}
	}
	return NULL;
}

static void note_program(struct keep *keep, const char *name)
{
	struct bpf_prog_info info = { 0 };
	struct keep_program *program = find_program(keep->page, name, true);

	if (!program || read_program(keep->pin_path, name, &info) < 0) {
		return;
	}
	if (program->id != info.id) {
		add_cost(&program->before, &program->last);
		program->id = info.id;
	}
	program->last = (struct keep_cost){ .time_ns = info.run_time_ns, .runs = info.run_cnt };
}

int keep_program_cost(const struct keep *keep, const char *name, struct keep_cost *ret_cost)
{
	const struct keep_program *program = keep ? find_program(keep->page, name, false) : NULL;
	struct keep_cost cost = { 0 };
	struct bpf_prog_info info = { 0 };
	int r = keep ? read_program(keep->pin_path, name, &info) : -ENOENT;

	if (r < 0) {
		return r;
	}
	if (program) {
		cost = program->before;
	}
	if (program && program->id != info.id) {
		add_cost(&cost, &program->last);
	}
	cost.time_ns += info.run_time_ns;
	cost.runs += info.run_cnt;
	*ret_cost = cost;
	return 0;
}

/* ---- the page ---- */

static int make_map(const char *path)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	_cleanup_close_ int fd =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, KEEP_PIN, sizeof(__u32), KEEP_PAGE, 1, &options);

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

int keep_open(const char *pin_path, struct keep **ret_keep)
{
	_cleanup_free_ struct keep *keep = calloc(1, sizeof(*keep));
	char path[PINDIR_PATH_MAX];

	if (!keep) {
		return -ENOMEM;
	}
	pindir_join(path, pin_path, "", KEEP_PIN);
	snprintf(keep->pin_path, sizeof(keep->pin_path), "%s", pin_path);

	_cleanup_close_ int fd = open_map(path);

	if (fd < 0) {
		return fd;
	}
	void *page = mmap(NULL, KEEP_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED) {
		return -errno;
	}
	keep->page = page;
	for (int i = 0; i < LOADER_PROGRAM_COUNT; i++)
		note_program(keep, loader_program_name((enum loader_program)i));
	*ret_keep = TAKE_PTR(keep);
	return 0;
}

void keep_close(struct keep *keep)
{
	if (keep) {
		munmap(keep->page, KEEP_PAGE);
		free(keep);
	}
}

uint64_t *keep_counter(struct keep *keep, enum keep_which which)
{
	static uint64_t forgotten;

	return keep ? &keep->page->counters[which] : &forgotten;
}
