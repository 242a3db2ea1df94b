// SPDX-License-Identifier: GPL-2.0-only
/*
 * natgwctl import-conntrack: the living sessions of the host's own NAT, to natgwd in slices, so
 * that a host may change from a masquerade to natgw without cutting them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "ctl.h"
#include "ctl_kernel_nat.h"
#include "names.h"

#define SLICE 1000 /* sessions of one request: some 200 KiB */

struct ctl_option ctl_import_options[] = {
	{ .name = "dry-run", .is_switch = true, .help = "  only say what there is" },
	{},
};

struct found {
	struct natgw_import *sessions;
	size_t count;
	size_t room;
	size_t others[CTL_KERNEL_NAT_PROTO + 1]; /* entries that are left out, by kind */
};

/* ---- reading ---- */

static int keep(enum ctl_kernel_nat_kind kind, const struct natgw_import *session, void *arg)
{
	struct found *found = arg;

	if (kind != CTL_KERNEL_NAT_SESSION) {
		found->others[kind]++;
		return 0;
	}
	if (found->count == found->room) {
		size_t room = found->room ? 2 * found->room : SLICE;
		void *sessions = realloc(found->sessions, room * sizeof(*found->sessions));

		if (!sessions) {
			return -ENOMEM;
		}
		found->sessions = sessions;
		found->room = room;
	}
	found->sessions[found->count++] = *session;
	return 0;
}

static int read_sessions(struct found *found)
{
	int r = ctl_kernel_nat_dump(keep, found);

	if (r == -EPERM) {
		fprintf(stderr, "natgwctl: cannot read the kernel's conntrack: needs root\n");
	} else if (r < 0) {
		/* natgwctl has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
		fprintf(stderr, "natgwctl: cannot read the kernel's conntrack: %s\n", strerror(-r));
	}
	return r;
}

/* ---- sending ---- */

static json_t *address(__be32 addr)
{
	char text[INET_ADDRSTRLEN];

	return json_string(inet_ntop(AF_INET, &addr, text, sizeof(text)));
}

static json_t *session_json(const struct natgw_import *session)
{
	return json_pack("{s:s, s:o, s:i, s:o, s:i, s:o, s:i, s:b}", "protocol",
			 names_ip_proto(session->proto), "client", address(session->client),
			 "client_port", (int)ntohs(session->client_port), "remote",
			 address(session->rem_addr), "remote_port", (int)ntohs(session->rem_port),
			 "eip", address(session->ext_addr), "eip_port",
			 (int)ntohs(session->ext_port), "established", (int)session->established);
}

/* The sums of all answers: "taken", "there", "refused". */
static void add_counts(json_t *sums, const json_t *answer)
{
	json_t *refused = json_object_get(sums, "refused");
	const char *reason;
	json_t *count;

	json_object_foreach (json_object_get(answer, "refused"), reason, count) {
		json_int_t sum = json_integer_value(json_object_get(refused, reason)) +
				 json_integer_value(count);

		(void)json_object_set_new(refused, reason, json_integer(sum));
	}
	static const char *const keys[] = { "taken", "there" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_int_t sum = json_integer_value(json_object_get(sums, keys[i])) +
				 json_integer_value(json_object_get(answer, keys[i]));

		(void)json_object_set_new(sums, keys[i], json_integer(sum));
	}
}

static int send_slice(const struct ctl *ctl, const struct natgw_import *sessions, size_t count,
		      json_t *sums)
{
	json_t *list = json_array();
	struct ctl_answer answer = {};

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(list, session_json(&sessions[i]));
	_cleanup_free_ char *body = json_dumps(list, JSON_COMPACT);

	json_decref(list);
	if (!body) {
		fprintf(stderr, "natgwctl: out of memory\n");
		return -ENOMEM;
	}
	int r = ctl_ask(ctl, "/v1/import", body, strlen(body), &answer);

	if (r == 0) {
		json_t *json = json_loadb(answer.text, answer.size, 0, NULL);

		add_counts(sums, json);
		json_decref(json);
		free(answer.text);
	}
	return r;
}

/* ---- showing ---- */

static const char *text_of(const char *reason)
{
	for (unsigned int i = 0; i < NATGW_VERDICT_COUNT; i++) {
		if (strcmp(names_verdict(i), reason) == 0) {
			return names_verdict_text(i);
		}
	}
	return "a reason that this natgwctl does not know";
}

static void print_refused(const json_t *sums)
{
	const char *reason;
	json_t *count;

	json_object_foreach (json_object_get(sums, "refused"), reason, count) {
		printf("  refused %" JSON_INTEGER_FORMAT ": %s: %s\n", json_integer_value(count),
		       reason, text_of(reason));
	}
}

static void print_sums(const struct found *found, const json_t *sums)
{
	printf("%zu translated sessions in the kernel's conntrack: %" JSON_INTEGER_FORMAT
	       " taken over, %" JSON_INTEGER_FORMAT " were there already\n",
	       found->count, json_integer_value(json_object_get(sums, "taken")),
	       json_integer_value(json_object_get(sums, "there")));
	print_refused(sums);
}

static void print_others(const struct found *found)
{
	static const char *const why[] = {
		[CTL_KERNEL_NAT_NOT_NAT] = "not translated",
		[CTL_KERNEL_NAT_DNAT] = "with a translated destination: natgw needs a port_forward",
		[CTL_KERNEL_NAT_OVER] = "closed",
		[CTL_KERNEL_NAT_PROTO] = "of another protocol",
	};

	for (size_t i = 0; i < sizeof(why) / sizeof(why[0]); i++) {
		if (why[i] && found->others[i]) {
			printf("  left out %zu: %s\n", found->others[i], why[i]);
		}
	}
}

/* By external address, which must be an EIP of natgw. */
static void print_dry(const struct found *found)
{
	size_t protos[3] = { 0 };
	json_t *addresses = json_object();
	const char *name;
	json_t *count;

	for (size_t i = 0; i < found->count; i++) {
		const struct natgw_import *session = &found->sessions[i];
		char text[INET_ADDRSTRLEN];

		inet_ntop(AF_INET, &session->ext_addr, text, sizeof(text));
		json_int_t sum = json_integer_value(json_object_get(addresses, text)) + 1;

		(void)json_object_set_new(addresses, text, json_integer(sum));
		protos[session->proto == IPPROTO_TCP ? 0 : session->proto == IPPROTO_UDP ? 1 : 2]++;
	}
	printf("%zu translated sessions in the kernel's conntrack: %zu tcp, %zu udp, %zu icmp\n",
	       found->count, protos[0], protos[1], protos[2]);
	json_object_foreach (addresses, name, count) {
		printf("  external address %s: %" JSON_INTEGER_FORMAT "; must be an EIP of natgw\n",
		       name, json_integer_value(count));
	}
	json_decref(addresses);
}

/* ---- the command ---- */

static int send_all(const struct ctl *ctl, const struct found *found)
{
	json_t *sums = json_pack("{s:i, s:i, s:i, s:{}}", "sessions", (int)found->count, "taken", 0,
				 "there", 0, "refused");
	int r = sums ? 0 : -ENOMEM;

	for (size_t at = 0; r == 0 && at < found->count; at += SLICE) {
		size_t count = found->count - at < SLICE ? found->count - at : SLICE;

		r = send_slice(ctl, found->sessions + at, count, sums);
	}
	if (r == 0 && ctl->json) {
		(void)json_dumpf(sums, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (r == 0) {
		print_sums(found, sums);
		print_others(found);
	}
	json_decref(sums);
	return r;
}

int ctl_import(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	struct found found = {};
	int r = read_sessions(&found);

	(void)words;
	(void)word_count;
	if (r == 0 && ctl_value(ctl_import_options, "dry-run")) {
		print_dry(&found);
		print_others(&found);
	} else if (r == 0) {
		r = send_all(ctl, &found);
	}
	free(found.sessions);
	return ctl_finish(r < 0 ? 1 : 0);
}
