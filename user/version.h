/* SPDX-License-Identifier: GPL-2.0-only */
/* The version that --version, the API and the metrics name. The build may set another one. */
#ifndef NATGW_USER_VERSION_H
#define NATGW_USER_VERSION_H

#ifndef NATGW_VERSION
#define NATGW_VERSION "0.1.0"
#endif

#endif
