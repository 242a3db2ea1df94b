// SPDX-License-Identifier: GPL-2.0-only
/* What the programs are called, in the object and as pins. */
#include "loader.h"

static const char *const program_names[LOADER_PROGRAM_COUNT] = {
	[LOADER_XDP_INTERNAL] = "natgw_internal", [LOADER_XDP_EXTERNAL] = "natgw_external",
	[LOADER_XDP_CHECK] = "natgw_check",	  [LOADER_XDP_IMPORT] = "natgw_import",
	[LOADER_TC_INT] = "natgw_tc_int",	  [LOADER_TC_EXT] = "natgw_tc_ext",
	[LOADER_TC_EGR] = "natgw_tc_egr",	  [LOADER_TC_GUARD] = "natgw_guard",
};

const char *loader_program_name(enum loader_program program)
{
	return program_names[program];
}
