/* SPDX-License-Identifier: GPL-2.0-only */
/* How a family is written: what the metrics*.c share, and for other modules that have families of
 * their own. */
#ifndef NATGW_USER_METRICS_INTERNAL_H
#define NATGW_USER_METRICS_INTERNAL_H

#include "metrics.h"

struct metrics_label {
	const char *key;
	const char *value;
};

#define METRICS_LABELS(...)            \
	(const struct metrics_label[]) \
	{                              \
		__VA_ARGS__,           \
		{                      \
			NULL, NULL     \
		}                      \
	}

/* HELP and TYPE: "counter", "gauge" or "histogram". */
void metrics_head(FILE *stream, const char *name, const char *type, const char *help);

/* labels: none (NULL), or a list that ends with key NULL. */
void metrics_sample(FILE *stream, const char *name, const struct metrics_label *labels,
		    uint64_t value);
void metrics_sample_ratio(FILE *stream, const char *name, const struct metrics_label *labels,
			  double value);

/* A family of one sample without labels. */
void metrics_single(FILE *stream, const char *name, const char *type, const char *help,
		    uint64_t value);

/* Sessions, ports, destinations and clients. */
void metrics_ports(const struct metrics *metrics, FILE *stream);

#endif
