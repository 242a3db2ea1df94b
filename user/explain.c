// SPDX-License-Identifier: GPL-2.0-only
/*
 * Advice. Each sentence names the key of the config file that it is about and the numbers that it
 * follows from; one that would change nothing is left out. The timers are the gateway's: rules may
 * have others.
 */
#include "explain.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "record.h"

#define RANGE_MAX (NATGW_PORT_LAST - NATGW_PORT_FIRST + 1)
#define TEXT_MAX 320

struct speaker {
	explain_say *say;
	void *arg;
};

static void __attribute__((format(printf, 2, 3)))
speak(const struct speaker *speaker, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	speaker->say(text, speaker->arg);
}

/* ---- ports / hold-down ---- */

/* Idle time that a session of this kind passes before its hold-down, and the hold-down. */
struct ending {
	uint8_t proto;
	const char *name;
	int idle; /* enum natgw_timer, or -1 */
	enum natgw_timer hold;
};

static const struct ending endings[] = {
	{ IPPROTO_TCP, "fin", -1, NATGW_TIMER_HOLD_FIN },
	{ IPPROTO_TCP, "rst", -1, NATGW_TIMER_HOLD_RST },
	{ IPPROTO_TCP, "halfopen", NATGW_TIMER_TCP_HALF_OPEN, NATGW_TIMER_HOLD_HALF_OPEN },
	{ IPPROTO_UDP, "unreplied", NATGW_TIMER_UDP_UNREPLIED, NATGW_TIMER_HOLD_UDP },
	{ IPPROTO_UDP, "idle", NATGW_TIMER_UDP_REPLIED, NATGW_TIMER_HOLD_UDP },
	{ IPPROTO_ICMP, "idle", NATGW_TIMER_ICMP, NATGW_TIMER_HOLD_ICMP },
};

static double seconds_of(const struct natgw_gateway *gateway, unsigned int timer)
{
	return (double)record_timer_seconds(gateway->timeout[timer]);
}

static double taken_seconds(const struct natgw_gateway *gateway, const struct ending *ending)
{
	double idle = ending->idle < 0 ? 0 : seconds_of(gateway, (unsigned int)ending->idle);

	return idle + seconds_of(gateway, ending->hold);
}

size_t explain_rates(const struct natgw_gateway *gateway, uint8_t proto, uint32_t ports,
		     struct explain_rate *ret_rates)
{
	size_t count = 0;

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		double seconds = taken_seconds(gateway, &endings[i]);

		if (endings[i].proto != proto || seconds <= 0) {
			continue;
		}
		ret_rates[count++] = (struct explain_rate){
			.ending = endings[i].name,
			.seconds = seconds,
			.per_second = ports / seconds,
		};
	}
	return count;
}

/* ---- a destination without a free port ---- */

static void advise_eips(const struct explain_ports *ports, const struct speaker *speaker)
{
	const struct natgw_gateway *gateway = ports->gateway;
	const uint64_t limit = gateway->destination_ports;
	uint64_t wanted = limit ? (ports->taken + ports->refused + limit - 1) / limit : 0;

	char where[32] = "";

	if (wanted <= ports->eips) {
		wanted = ports->eips + 1ULL;
	}
	if (ports->rule) {
		(void)snprintf(where, sizeof(where), " to rule %u", ports->rule);
	}
	speak(speaker,
	      "add EIPs%s: each one adds %" PRIu64 " ports towards every destination; %" PRIu64
	      " in all instead of %u would do for the %" PRIu64
	      " ports taken and %u refused lately",
	      where, limit, wanted, ports->eips, ports->taken, ports->refused);
}

/* The cause that holds most ports, and what half its time would give. */
static void advise_hold(const struct explain_ports *ports, const struct speaker *speaker)
{
	static const struct {
		enum natgw_timer timer;
		const char *key;
	} holds[NATGW_HOLD_COUNT] = {
		[NATGW_HOLD_FIN] = { NATGW_TIMER_HOLD_FIN, "hold_fin" },
		[NATGW_HOLD_RST] = { NATGW_TIMER_HOLD_RST, "hold_rst" },
		[NATGW_HOLD_HALF_OPEN] = { NATGW_TIMER_HOLD_HALF_OPEN, "hold_half_open" },
		[NATGW_HOLD_UDP] = { NATGW_TIMER_HOLD_UDP, "hold_udp" },
		[NATGW_HOLD_IDLE] = { NATGW_TIMER_HOLD_TCP_IDLE, "hold_tcp_idle" },
	};
	const uint32_t limit = ports->gateway->destination_ports;
	unsigned int most = 0;

	for (unsigned int i = 1; i < NATGW_HOLD_COUNT; i++) {
		if (ports->held_by[i] > ports->held_by[most]) {
			most = i;
		}
	}
	const bool icmp = ports->proto == IPPROTO_ICMP;
	const char *key = icmp ? "hold_icmp" : holds[most].key;
	double seconds =
		seconds_of(ports->gateway, icmp ? NATGW_TIMER_HOLD_ICMP : holds[most].timer);

	/* Timers are whole seconds. */
	const unsigned int half = ((unsigned int)seconds + 1) / 2;

	if (!ports->held_by[most] || seconds < 2) {
		return;
	}
	speak(speaker,
	      "shorten timeouts.%s: %u ports only wait for it; with %us instead of %.0fs it leaves "
	      "room for %.4g new connections a second instead of %.4g",
	      key, ports->held_by[most], half, seconds, (double)limit / half, limit / seconds);
}

static void advise_client(const struct explain_ports *ports, const struct speaker *speaker)
{
	const uint32_t limit = ports->gateway->destination_ports;

	if (!ports->client || ports->client_ports <= limit / 2 || limit < 2) {
		return;
	}
	speak(speaker,
	      "set ports_per_client: %s has %u of the %u ports; {max: %u} would leave half of them "
	      "to other clients, {min: N} guarantees each its own",
	      ports->client, ports->client_ports, limit, limit / 2);
}

static void advise_idle(const struct explain_ports *ports, const struct speaker *speaker)
{
	const struct natgw_gateway *gateway = ports->gateway;

	if (!ports->silent) {
		return;
	}
	if (ports->proto == IPPROTO_TCP) {
		speak(speaker,
		      "close idle connections: %u of the %u in use have carried nothing for a minute; "
		      "timeouts.tcp_established ends them after %.0fs",
		      ports->silent, ports->used, seconds_of(gateway, NATGW_TIMER_TCP_ESTABLISHED));
	} else {
		speak(speaker,
		      "shorten timeouts.%s, now %.0fs: %u of the %u sessions have carried nothing for "
		      "a minute",
		      ports->proto == IPPROTO_UDP ? "udp" : "icmp",
		      seconds_of(gateway, ports->proto == IPPROTO_UDP ? NATGW_TIMER_UDP_REPLIED
								      : NATGW_TIMER_ICMP),
		      ports->silent, ports->used);
	}
}

static void advise_range(const struct natgw_gateway *gateway, const struct speaker *speaker)
{
	if (gateway->destination_ports < gateway->port_count) {
		speak(speaker, "raise destination_ports: it is %u, port_range has %u",
		      gateway->destination_ports, gateway->port_count);
	}
	if (gateway->port_count < RANGE_MAX) {
		speak(speaker, "widen port_range: it has %u ports, 1024-65535 has %u",
		      gateway->port_count, RANGE_MAX);
	}
}

void explain_ports(const struct explain_ports *ports, explain_say *say, void *arg)
{
	const struct speaker speaker = { say, arg };

	advise_eips(ports, &speaker);
	advise_hold(ports, &speaker);
	advise_idle(ports, &speaker);
	advise_client(ports, &speaker);
	advise_range(ports->gateway, &speaker);
}

/* ---- quotas ---- */

static void advise_silent(const struct explain_use *use, const struct speaker *speaker)
{
	if (use->silent) {
		speak(speaker,
		      "close idle sessions: %" PRIu64 " of %" PRIu64
		      " have carried nothing for a minute",
		      use->silent, use->live);
	}
	if (use->held) {
		speak(speaker,
		      "shorten the hold-downs (timeouts.hold_*): %" PRIu64
		      " ports are only held and count as well",
		      use->held);
	}
}

static void advise_client_quota(const struct explain_use *use, const struct speaker *speaker)
{
	speak(speaker,
	      "raise max_sessions_per_client: it is %u, the client has %" PRIu64
	      " sessions and holds %" PRIu64 " ports more",
	      use->gateway->client_sessions_max, use->live, use->held);
	advise_silent(use, speaker);
}

static void advise_half_open_quota(const struct explain_use *use, const struct speaker *speaker)
{
	double seconds = seconds_of(use->gateway, NATGW_TIMER_TCP_HALF_OPEN);

	speak(speaker,
	      "look at what the client does: %" PRIu64 " of its %" PRIu64
	      " sessions have no answer, to %" PRIu64
	      " destinations: a scan, or a server that does not answer",
	      use->opening, use->live, use->destinations);
	speak(speaker,
	      "raise max_half_open_per_client: it is %u, enough for %.4g unanswered connections a "
	      "second (timeouts.tcp_half_open %.0fs)",
	      use->gateway->client_opening_max,
	      seconds > 0 ? use->gateway->client_opening_max / seconds : 0, seconds);
}

static void advise_port_quota(const struct explain_use *use, const struct speaker *speaker)
{
	const struct natgw_gateway *gateway = use->gateway;

	if (gateway->client_ports_max) {
		speak(speaker,
		      "raise ports_per_client.max: it is %u towards one destination, of %u ports",
		      gateway->client_ports_max, gateway->destination_ports);
	}
	if (gateway->client_ports_min) {
		speak(speaker,
		      "lower ports_per_client.min (%u): what is kept for other clients is a multiple "
		      "of it; or add EIPs, each one has %u ports more",
		      gateway->client_ports_min, gateway->destination_ports);
	}
	advise_silent(use, speaker);
}

static void advise_gateway_quota(const struct explain_use *use, const struct speaker *speaker)
{
	speak(speaker,
	      "raise max_sessions: it is %u, the gateway has %" PRIu64
	      " sessions and holds %" PRIu64 " ports more",
	      use->gateway->sessions_max, use->live, use->held);
	advise_silent(use, speaker);
}

static void advise_table(const struct explain_use *use, const struct speaker *speaker)
{
	speak(speaker,
	      "raise limits.sessions: it is %" PRIu64 ", %" PRIu64 " are live and %" PRIu64
	      " only hold their port; a new size needs natgwd --detach, which ends all sessions",
	      use->sessions_max, use->live, use->held);
	speak(speaker, "set max_sessions_per_client, so that no client can fill the table");
	advise_silent(use, speaker);
}

void explain_quota(unsigned int error, const struct explain_use *use, explain_say *say, void *arg)
{
	const struct speaker speaker = { say, arg };

	switch (error) {
	case NATGW_ALLOC_TABLE_FULL:
		advise_table(use, &speaker);
		break;
	case NATGW_ALLOC_NO_EIP:
		speak(&speaker, "add an EIP to the gateway (eips): it has none that takes new "
				"sessions; those that drain take none");
		break;
	case NATGW_ALLOC_CLIENT_QUOTA:
		advise_client_quota(use, &speaker);
		break;
	case NATGW_ALLOC_HALF_OPEN_QUOTA:
		advise_half_open_quota(use, &speaker);
		break;
	case NATGW_ALLOC_PORT_QUOTA:
		advise_port_quota(use, &speaker);
		break;
	case NATGW_ALLOC_GATEWAY_QUOTA:
		advise_gateway_quota(use, &speaker);
		break;
	case NATGW_ALLOC_EIM_CONFLICT:
		speak(&speaker,
		      "let fewer sessions be mapped endpoint-independently (mapping, in a rule for "
		      "those that need it), or add EIPs: such a mapping keeps one port, which another "
		      "session has towards that destination");
		break;
	default:
		break;
	}
}
