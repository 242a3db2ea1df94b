/* SPDX-License-Identifier: GPL-2.0-only */
/* The iterators: which program walks over which map, and the name of its pin. */
#ifndef NATGW_USER_LOADER_ITER_H
#define NATGW_USER_LOADER_ITER_H

#include <stdbool.h>

struct bpf_object;

/* Pins all of a loaded object, in place of those of an earlier run. Logs what is wrong. */
int loader_iter_pin(const struct bpf_object *object, const char *pin_path);

bool loader_iter_is_pin(const char *name);

#endif
