// SPDX-License-Identifier: GPL-2.0-only
/* Quotas and ports that a new session would meet, and whether the destination answers. Pure. */
#include <inttypes.h>
#include <netinet/in.h>

#include "check_judge.h"
#include "names.h"

/* ---- refusals ---- */

static void judge_client_quota(const struct check_facts *facts, struct check_item *item)
{
	const struct check_use *use = &facts->use;

	check_say(item, CHECK_FAIL,
		  "%s: the client has %u sessions, held ones too, of the %u it may have",
		  names_verdict(NATGW_DROP_CLIENT_QUOTA), use->client_sessions,
		  facts->row.client_sessions_max);
	check_advise(item, "raise max_sessions_per_client of %s, or end sessions of the client",
		     facts->gateway_name);
}

static void judge_ports(const struct check_facts *facts, enum natgw_verdict verdict,
			struct check_item *item)
{
	char endpoint[CHECK_ENDPOINT_MAX];

	check_endpoint(facts->query.dst, facts->query.port, facts->query.proto, endpoint);
	if (verdict == NATGW_DROP_PORT_QUOTA) {
		check_say(item, CHECK_FAIL,
			  "%s: the client has used up its ports towards %s (it has %u)",
			  names_verdict(verdict), endpoint, facts->use.client_ports);
		check_advise(item,
			     "raise ports_per_client of %s, or let the client keep connections",
			     facts->gateway_name);
		return;
	}
	check_say(item, CHECK_FAIL, "%s: none of %zu EIPs has a port left towards %s",
		  names_verdict(verdict), facts->use.eip_count, endpoint);
	check_advise(item,
		     "add EIPs to %s, or shorten its timers; natgwctl explain-errors says which",
		     facts->gateway_name);
}

static void judge_refusal(const struct check_facts *facts, enum natgw_verdict verdict,
			  struct check_item *item)
{
	const struct check_use *use = &facts->use;

	switch (verdict) {
	case NATGW_DROP_CLIENT_QUOTA:
		judge_client_quota(facts, item);
		break;
	case NATGW_DROP_HALF_OPEN_QUOTA:
		check_say(
			item, CHECK_FAIL, "%s: the client has %u sessions without an answer, of %u",
			names_verdict(verdict), use->client_opening, facts->row.client_opening_max);
		check_advise(item,
			     "see why its destinations do not answer; or raise "
			     "max_half_open_per_client of %s",
			     facts->gateway_name);
		break;
	case NATGW_DROP_GATEWAY_QUOTA:
		check_say(item, CHECK_FAIL, "%s: gateway %s has %u sessions of %u",
			  names_verdict(verdict), facts->gateway_name, use->gateway_sessions,
			  facts->row.sessions_max);
		check_advise(item, "raise max_sessions of %s", facts->gateway_name);
		break;
	case NATGW_DROP_SESSION_TABLE_FULL:
		check_say(item, CHECK_FAIL,
			  "%s: %" PRIu64 " sessions, and the table is for %" PRIu64,
			  names_verdict(verdict), use->table_sessions, use->table_max);
		check_advise(item,
			     "raise limits.sessions (natgwd --detach first: it ends the sessions)");
		break;
	default:
		judge_ports(facts, verdict, item);
	}
}

void check_judge_refused(const struct check_facts *facts, struct check_item *item)
{
	const struct check_refused *refused = &facts->refused;
	enum natgw_verdict verdict;

	if (!facts->gateway || !check_is_out(facts->result.verdict) || !facts->result.gateway) {
		check_say(item, CHECK_NOT_APPLICABLE, "the packet does not come that far");
		return;
	}
	verdict = check_refusal(facts);
	if (verdict != NATGW_OK && facts->use.eip_count) {
		judge_refusal(facts, verdict, item);
	} else if (refused->count) {
		check_say(item, CHECK_PASS,
			  "not now; in the last %u s %u were, the last one %u s ago as %s",
			  CHECK_RECENT_S, refused->count, refused->seconds,
			  names_verdict(refused->verdict));
	} else {
		check_say(item, CHECK_PASS, "none in the last %u s that is known of",
			  CHECK_RECENT_S);
	}
}

/* ---- the destination ---- */

void check_judge_target(const struct check_facts *facts, struct check_item *item)
{
	const struct check_talk *talk = &facts->talk;
	char endpoint[CHECK_ENDPOINT_MAX];

	check_endpoint(facts->query.dst, facts->query.port, facts->query.proto, endpoint);
	if (talk->established) {
		check_say(item, CHECK_PASS, "%s has answered %u sessions", endpoint,
			  talk->established);
	} else if (talk->refused) {
		check_say(item, CHECK_PASS, "%s answers, with a reset: nothing listens there",
			  endpoint);
	} else if (talk->opening && facts->query.proto != IPPROTO_UDP) {
		check_say(item, CHECK_FAIL, "%s has not answered %u sessions, one for %u s",
			  endpoint, talk->opening, talk->opening_s);
		check_advise(item,
			     "see that the destination is up and lets the EIPs in; traceroute from "
			     "the client shows how far it gets");
	} else if (talk->opening) {
		check_say(item, CHECK_NOT_APPLICABLE,
			  "%s has sent nothing back to %u sessions, and over UDP need not",
			  endpoint, talk->opening);
	} else {
		check_say(item, CHECK_NOT_APPLICABLE, "not known: there is no session to %s",
			  endpoint);
	}
}
