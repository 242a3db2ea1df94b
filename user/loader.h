/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF object: opened, sized, joined to the maps that are pinned already, loaded, pinned. The
 * only module that knows the skeleton.
 */
#ifndef NATGW_USER_LOADER_H
#define NATGW_USER_LOADER_H

#include <stdbool.h>
#include <stdint.h>

enum loader_program {
	LOADER_XDP_INTERNAL,
	LOADER_XDP_EXTERNAL,
	LOADER_XDP_CHECK,  /* dry run, never attached */
	LOADER_XDP_IMPORT, /* nor this one */
	LOADER_TC_INT,	   /* internal ingress */
	LOADER_TC_EXT,	   /* external ingress */
	LOADER_TC_EGR,	   /* external egress */
	LOADER_TC_GUARD,   /* external egress, after it */
	LOADER_PROGRAM_COUNT,
};

struct bpf_object;
struct loader;

/*
 * Opens the object and joins it to the pins of pin_path, which the caller holds locked. Logs what
 * is wrong; -EPROTO when the pins have another layout. Changes nothing but leftovers of a start
 * that was cut short before it attached anything.
 */
int loader_open(const char *pin_path, uint32_t sessions, struct loader **ret_loader);

/* Loads every program and pins maps, iterators and programs. Logs what is wrong. */
int loader_load(struct loader *loader);

/* True when no map was pinned before: everything in the folder of pins is this run's. */
bool loader_is_fresh(const struct loader *loader);

/*
 * Removes natgw's pins and then the folder, which stays (and 0 is returned) when it holds pins of
 * somebody else. "layout" goes first: what is left of a removal that was cut short is no data path.
 */
int loader_clear(const char *pin_path);

int loader_program_fd(const struct loader *loader, enum loader_program program);
const char *loader_program_name(enum loader_program program);

/*
 * A second copy of one program, not loaded yet and joined to the same maps, as libxdp wants it:
 * *ret_copy holds the object, loader_free_copy releases it.
 */
struct loader_copy;
int loader_copy_program(const struct loader *loader, enum loader_program program,
			struct loader_copy **ret_copy, struct bpf_object **ret_object);
void loader_free_copy(struct loader_copy *copy);

void loader_free(struct loader *loader);

#endif
