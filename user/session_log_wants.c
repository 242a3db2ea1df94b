// SPDX-License-Identifier: GPL-2.0-only
/* What the config wants of the session log. By itself, for those who write the maps. */
#include "session_log.h"

#include "config.h"

bool session_log_wants_sessions(const struct config *config)
{
	return config->session_log.sink_count && config->session_log.filter != CONFIG_LOG_ERRORS;
}
