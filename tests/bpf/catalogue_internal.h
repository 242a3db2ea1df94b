/* SPDX-License-Identifier: GPL-2.0-only */
/* What the page and the JSON of the catalogue are made of. */
#ifndef NATGW_TESTS_BPF_CATALOGUE_INTERNAL_H
#define NATGW_TESTS_BPF_CATALOGUE_INTERNAL_H

#include "catalogue.h"

struct catalogue_text {
	char text[256];
};

/* A packet in one line; "*" stands for the port NEW. */
void catalogue_describe(const struct spec *spec, struct catalogue_text *ret_text);

#endif
