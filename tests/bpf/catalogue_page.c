// SPDX-License-Identifier: GPL-2.0-only
/* The catalogue as a page of Markdown. */
#include "catalogue_internal.h"

struct chapter {
	char letter;
	const char *title;
};

static const struct chapter chapters[] = {
	{ 'A', "Frames, ARP" },
	{ 'B', "The IPv4 header, options, addresses" },
	{ 'C', "TCP" },
	{ 'D', "UDP" },
	{ 'E', "ICMP" },
	{ 'F', "Fragments" },
	{ 'G', "Ways: routes, the gateway's own addresses, hairpin" },
	{ 'H', "Answers: what the sender of a packet is told" },
	{ 'L', "The access list" },
	{ 'M', "1:1 mappings" },
	{ 'O', "Addresses that are the host's as well" },
	{ 'P', "Port forwards" },
	{ 'R', "Rules" },
	{ 'T', "A gateway's own route table" },
	{ 'W', "Gateways of two stages" },
	{ 'X', "Egress of the external interface" },
	{ 'Y', "The guard" },
};

static const char *at_text(const struct path_case *row)
{
	switch (row->at) {
	case AT_INT:
		return "internal";
	case AT_EXT:
		return "external";
	case AT_EGRESS:
		return "leaving, forwarded";
	case AT_EGRESS_HOST:
		return "leaving, the host's own";
	case AT_GUARD:
		return "leaving, no main program";
	default:
		return "leaving, no main program, the host's own";
	}
}

static const char *protocol_of(const struct path_case *row)
{
	const struct spec *spec = row->in.quote ? row->in.quote : &row->in;

	if (spec->proto == PROTO_TCP) {
		return "TCP";
	}
	return spec->proto == PROTO_UDP ? "UDP" : "ICMP";
}

static void print_given(FILE *out, const struct path_case *row)
{
	const char *before = "";
	size_t steps = 0;

	if (row->state) {
		fprintf(out, "%s session of %s",
			row->state == NATGW_STATE_ESTABLISHED ? "a live"
			: row->state == NATGW_STATE_OPENING   ? "a young"
			: row->state == NATGW_STATE_NEW	      ? "an unfinished"
							      : "a dead",
			protocol_of(row));
		before = "; ";
	}
	if (row->given) {
		fprintf(out, "%s%s", before, row->given);
		before = "; ";
	}
	while (row->before && row->before[steps].verdict) {
		struct catalogue_text text;

		catalogue_describe(&row->before[steps].in, &text);
		fprintf(out, "%safter %s", before, text.text);
		before = "; ";
		steps++;
	}
	if (row->later) {
		fprintf(out, ", %u s ago", row->later);
	}
}

static void print_translated(FILE *out, const struct path_case *row)
{
	struct path_learnt learnt = { .port = NEW };
	struct path_packet in = {}, packet = {};
	struct catalogue_text text;

	path_in(&row->in, row->at, &learnt, &in);
	path_out(row, &in, &learnt, false, &packet);
	catalogue_describe(&packet.spec, &text);
	if (row->form == FORM_HAIRPIN) {
		fprintf(out, "sends it in again by the external interface as %s", text.text);
	} else if (row->form == FORM_KERNEL || row->at > AT_EXT) {
		fprintf(out, "translates it, the kernel goes on: %s", text.text);
	} else {
		fprintf(out, "sends on %s", text.text);
	}
	if (row->mss) {
		fputs(", MSS lowered", out);
	}
}

static void print_answer(FILE *out, const struct path_case *row)
{
	struct catalogue_text text;

	catalogue_describe(row->answer, &text);
	fprintf(out, "answers %s", text.text);
}

static void print_deed(FILE *out, const struct path_case *row)
{
	__u32 class = verdict_class_of(row->verdict);

	if (class == NATGW_CLASS_OUT) {
		print_translated(out, row);
	} else if (row->form == FORM_ANSWER) {
		fputs(class == NATGW_CLASS_DROP ? "drops it, " : "", out);
		print_answer(out, row);
	} else {
		fputs(class == NATGW_CLASS_DROP ? "drops it" : "leaves it to the kernel", out);
	}
}

static void print_hook(FILE *out, __u8 verdict)
{
	static const char *const deeds[] = { "sends on", "passes", "hands up", "drops" };
	__u32 class = verdict_class_of(verdict);

	fputs(deeds[class], out);
	if (class == NATGW_CLASS_DEFERRED) {
		fprintf(out, ": `%s`", verdict_name(verdict));
	}
}

static void print_xdp(FILE *out, const struct path_case *row)
{
	if (row->at > AT_EXT || row->tc_only) {
		fputs("-", out);
	} else {
		print_hook(out, path_xdp_verdict(row));
	}
}

static void print_tc(FILE *out, const struct path_case *row)
{
	if (row->xdp_only) {
		fputs("-", out);
	} else if (row->form == FORM_KERNEL) {
		fputs("translates", out);
	} else if (row->form == FORM_ANSWER) {
		fputs("answers", out);
	} else if (verdict_class_of(row->verdict) == NATGW_CLASS_DEFERRED) {
		fputs("hands on", out);
	} else {
		print_hook(out, row->verdict);
	}
}

static void print_row(FILE *out, const struct path_case *row)
{
	struct path_learnt learnt = { .port = NEW };
	struct path_packet in = {};
	struct catalogue_text text;

	path_in(&row->in, row->at, &learnt, &in);
	catalogue_describe(&in.spec, &text);
	fprintf(out, "| %s | %s | %s: %s | ", row->id, row->name, at_text(row), text.text);
	print_given(out, row);
	fputs(" | ", out);
	print_deed(out, row);
	if (row->uncounted) {
		fputs(" | not counted | ", out);
	} else {
		fprintf(out, " | `%s` | ", verdict_name(row->verdict));
	}
	print_xdp(out, row);
	fputs(" | ", out);
	print_tc(out, row);
	fputs(" |\n", out);
}

static const char head[] =
	"# What becomes of every packet\n"
	"\n"
	"This page is made from the table that the tests run (`make fates`; the rows are in\n"
	"`tests/bpf/catalogue_*.c`). Each row is run through the programs that stand where the packet\n"
	"comes by: XDP, its dry run, and tc. Of each run the test compares the verdict, the one counter\n"
	"that rises, every byte of the packet that leaves, and the maps, which must be as before where\n"
	"nothing is sent on. What a frame should look like is computed by code of its own, with all\n"
	"checksums from scratch (`tests/bpf/frame.c`). `tests/netns/test_catalogue.py` sends the same\n"
	"packets through a running natgwd, with XDP and with tc, and compares what comes out.\n"
	"\n"
	"Addresses: clients 10.0.1.10 and 10.0.1.11, private IP 10.0.1.1, EIP 203.0.113.10, remote\n"
	"endpoint 198.51.100.7, the host itself 192.0.2.1. A session that stands is\n"
	"10.0.1.10:4000 - 203.0.113.10:50000 - 198.51.100.7:80. `*` is a port that natgw chooses.\n"
	"The verdict is that of tc, which is the packet's fate; XDP may hand a packet up to it.\n";

void catalogue_print_page(FILE *out)
{
	size_t count, at = 0;
	const struct path_case *const *rows = catalogue_rows(&count);

	fputs(head, out);
	fprintf(out, "\n%zu packets.\n", count);
	for (size_t i = 0; i < sizeof(chapters) / sizeof(chapters[0]); i++) {
		fprintf(out, "\n## %c. %s\n\n", chapters[i].letter, chapters[i].title);
		fputs("| id | packet | comes in | given | what natgw does | verdict | XDP | tc |\n"
		      "|---|---|---|---|---|---|---|---|\n",
		      out);
		for (; at < count && rows[at]->id[0] == chapters[i].letter; at++) {
			print_row(out, rows[at]);
		}
	}
}
