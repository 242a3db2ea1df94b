/* SPDX-License-Identifier: GPL-2.0-only */
/* The timers of the configuration: their names, their bounds, and the mapping that sets them. */
#include "config_timeout.h"

#include <errno.h>
#include <netinet/in.h>

#include "config_profile.h"
#include "parse_util.h"

struct timer {
	const char *name;
	uint8_t proto;
};

static const struct timer timers[NATGW_TIMER_COUNT] = {
	[NATGW_TIMER_TCP_HALF_OPEN] = { "tcp_half_open", IPPROTO_TCP },
	[NATGW_TIMER_TCP_ESTABLISHED] = { "tcp_established", IPPROTO_TCP },
	[NATGW_TIMER_UDP_UNREPLIED] = { "udp_unreplied", IPPROTO_UDP },
	[NATGW_TIMER_UDP_REPLIED] = { "udp", IPPROTO_UDP },
	[NATGW_TIMER_ICMP] = { "icmp", IPPROTO_ICMP },
	[NATGW_TIMER_HOLD_FIN] = { "hold_fin", IPPROTO_TCP },
	[NATGW_TIMER_HOLD_RST] = { "hold_rst", IPPROTO_TCP },
	[NATGW_TIMER_HOLD_HALF_OPEN] = { "hold_half_open", IPPROTO_TCP },
	[NATGW_TIMER_HOLD_UDP] = { "hold_udp", IPPROTO_UDP },
	[NATGW_TIMER_HOLD_TCP_IDLE] = { "hold_tcp_idle", IPPROTO_TCP },
	[NATGW_TIMER_HOLD_ICMP] = { "hold_icmp", IPPROTO_ICMP },
};

const char *config_timer_name(enum natgw_timer timer)
{
	return timer < NATGW_TIMER_COUNT ? timers[timer].name : "unknown";
}

bool config_timeout_is_hold(enum natgw_timer timer)
{
	return timer >= NATGW_TIMER_HOLD_FIN;
}

static int check_bounds(const struct config_yaml *yaml, const yaml_node_t *node,
			enum natgw_timer timer, const char *text, uint32_t seconds)
{
	uint32_t least = config_timeout_is_hold(timer) ? 0 : 1;

	if (seconds >= least && seconds <= CONFIG_TIMEOUT_MAX_S) {
		return 0;
	}
	return config_yaml_error(yaml, node,
				 "timeout %s %.40s is out of bounds; it may be %us to %uh",
				 timers[timer].name, text, least, CONFIG_TIMEOUT_MAX_S / 3600);
}

/* A profile that follows a cloud takes what that cloud takes. */
static int check_profile(const struct config_yaml *yaml, const yaml_node_t *node,
			 const struct config_profile *profile, uint32_t seconds)
{
	if (!profile || !profile->established_max_s ||
	    (seconds >= profile->established_min_s && seconds <= profile->established_max_s)) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"timeout tcp_established of %us is out of bounds in profile %s, where it may be %us to %us; other profiles take any",
		seconds, profile->name, profile->established_min_s, profile->established_max_s);
}

static int check_proto(const struct config_yaml *yaml, const yaml_node_t *node,
		       enum natgw_timer timer, uint8_t proto)
{
	if (!proto || proto == timers[timer].proto) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"timeout %s is not one of the rule's protocol, so it would have no effect; take it out, or change the protocol",
		timers[timer].name);
}

static int read_timer(struct config_yaml *yaml, yaml_node_t *node, enum natgw_timer timer,
		      struct config_timeout_draft *draft)
{
	const char *name = timers[timer].name;
	uint32_t seconds = UINT32_MAX;
	const char *text;
	int err;

	err = config_yaml_text(yaml, node, name, &text);
	if (err) {
		return err;
	}
	err = parse_util_duration(text, &seconds);
	if (err == -EINVAL) {
		return config_yaml_error(
			yaml, node,
			"timeout %s \"%.40s\" is not a duration; write a number and its unit, such as 350s, 5m or 2h",
			name, text);
	}
	err = check_bounds(yaml, node, timer, text, seconds);
	if (!err && timer == NATGW_TIMER_TCP_ESTABLISHED) {
		err = check_profile(yaml, node, draft->profile, seconds);
	}
	err = err ?: check_proto(yaml, node, timer, draft->proto);
	if (!err) {
		draft->timeout_s[timer] = seconds;
		draft->written |= 1U << timer;
	}
	return err;
}

/* One reader for each timer: a reader is not told the key that it reads. */
#define READ_TIMER(name, timer)                                                 \
	static int name(struct config_yaml *yaml, yaml_node_t *node, void *out) \
	{                                                                       \
		return read_timer(yaml, node, timer, out);                      \
	}

READ_TIMER(read_tcp_half_open, NATGW_TIMER_TCP_HALF_OPEN)
READ_TIMER(read_tcp_established, NATGW_TIMER_TCP_ESTABLISHED)
READ_TIMER(read_udp_unreplied, NATGW_TIMER_UDP_UNREPLIED)
READ_TIMER(read_udp, NATGW_TIMER_UDP_REPLIED)
READ_TIMER(read_icmp, NATGW_TIMER_ICMP)
READ_TIMER(read_hold_fin, NATGW_TIMER_HOLD_FIN)
READ_TIMER(read_hold_rst, NATGW_TIMER_HOLD_RST)
READ_TIMER(read_hold_half_open, NATGW_TIMER_HOLD_HALF_OPEN)
READ_TIMER(read_hold_udp, NATGW_TIMER_HOLD_UDP)
READ_TIMER(read_hold_tcp_idle, NATGW_TIMER_HOLD_TCP_IDLE)
READ_TIMER(read_hold_icmp, NATGW_TIMER_HOLD_ICMP)

static const struct config_yaml_key keys[] = {
	{ "tcp_half_open", false, read_tcp_half_open },
	{ "tcp_established", false, read_tcp_established },
	{ "udp_unreplied", false, read_udp_unreplied },
	{ "udp", false, read_udp },
	{ "icmp", false, read_icmp },
	{ "hold_fin", false, read_hold_fin },
	{ "hold_rst", false, read_hold_rst },
	{ "hold_half_open", false, read_hold_half_open },
	{ "hold_udp", false, read_hold_udp },
	{ "hold_tcp_idle", false, read_hold_tcp_idle },
	{ "hold_icmp", false, read_hold_icmp },
	{ NULL, false, NULL },
};

int config_timeout_read(struct config_yaml *yaml, yaml_node_t *node,
			struct config_timeout_draft *draft)
{
	return config_yaml_mapping(yaml, node, "timeouts", keys, draft);
}
