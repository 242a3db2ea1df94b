// SPDX-License-Identifier: GPL-2.0-only
/*
 * The catalogue for programs: every row's packets in hex. Ports that natgw chooses are printed as
 * EXT_PORT, the port of the standard session.
 */
#include "catalogue_internal.h"

static const struct path_learnt learnt = { .port = EXT_PORT };

static void print_frame(FILE *out, const struct spec *spec)
{
	static struct frame frame;

	frame_build(spec, &frame);
	fputc('"', out);
	for (__u32 i = 0; i < frame.len; i++) {
		fprintf(out, "%02x", frame.data[i]);
	}
	fputc('"', out);
}

static const char *side_of(enum at at)
{
	static const char *const sides[] = {
		[AT_INT] = "internal",	     [AT_EXT] = "external", [AT_EGRESS] = "egress",
		[AT_EGRESS_HOST] = "egress", [AT_GUARD] = "guard",  [AT_GUARD_HOST] = "guard"
	};

	return sides[at];
}

static const char *class_of(__u8 verdict)
{
	static const char *const classes[] = { "out", "passed", "deferred", "drop" };

	return classes[verdict_class_of(verdict)];
}

/* ---- packets that come before ---- */

static const char *print_step(FILE *out, enum at at, const struct spec *in, __u8 verdict,
			      const char *comma)
{
	struct path_packet packet = {};

	path_in(in, at, &learnt, &packet);
	fprintf(out, "%s{\"at\": \"%s\", \"class\": \"%s\", \"verdict\": \"%s\"", comma,
		side_of(at), class_of(verdict), verdict_name(verdict));
	fprintf(out,
		", \"leaves\": %s, \"frame\": ", verdict == NATGW_TRANSLATED ? "true" : "false");
	print_frame(out, &packet.spec);
	fputc('}', out);
	return ", ";
}

/* The standard session, as its endpoints make it. */
static void print_session(FILE *out, const struct path_case *row)
{
	static const struct spec tcp[] = { { TCP_SYN_OUT },
					   { TCP_IN_FLAGS(SYN | ACK) },
					   { TCP_OUT_FLAGS(ACK) } };
	static const struct spec udp[] = { { UDP_OUT }, { UDP_IN } };
	static const struct spec icmp[] = { { PING_OUT }, { PONG_IN } };
	__u8 proto = row->in.quote ? row->in.quote->proto : row->in.proto;
	const struct spec *specs = proto == PROTO_TCP ? tcp : proto == PROTO_UDP ? udp : icmp;
	size_t count = row->state == NATGW_STATE_OPENING ? 1 : proto == PROTO_TCP ? 3 : 2;
	const char *comma = "";

	fputs(", \"session\": [", out);
	for (size_t i = 0; row->state && i < count; i++) {
		struct spec spec = specs[i];

		if (i != 1 && row->client) {
			spec.src = row->client;
		}
		comma = print_step(out, i == 1 ? AT_EXT : AT_INT, &spec, NATGW_TRANSLATED, comma);
	}
	fputc(']', out);
}

static void print_before(FILE *out, const struct path_case *row)
{
	const char *comma = "";

	fputs(", \"before\": [", out);
	for (const struct path_step *step = row->before; step && step->verdict; step++) {
		comma = print_step(out, step->at, &step->in, step->verdict, comma);
	}
	fputc(']', out);
}

/* ---- what comes out ---- */

/* Can the packet be sent between hosts, and is it judged here what becomes of it? */
static bool is_for_the_wire(const struct path_case *row)
{
	__u32 class = verdict_class_of(row->verdict);

	if (row->at > AT_EXT || row->gso_segs || row->mark || row->later || row->uncounted ||
	    row->xdp_only || row->tc_only) {
		return false;
	}
	if (row->state && row->state != NATGW_STATE_OPENING &&
	    row->state != NATGW_STATE_ESTABLISHED) {
		return false;
	}
	if (class == NATGW_CLASS_OUT) {
		return row->form == FORM_FORWARDED;
	}
	return class == NATGW_CLASS_DROP || row->form == FORM_ANSWER;
}

static void print_out(FILE *out, const struct path_case *row)
{
	struct path_packet in = {}, packet = {};

	if (row->form == FORM_ANSWER) {
		fprintf(out, ", \"leaves\": \"%s\", \"out\": ", side_of(row->at));
		print_frame(out, row->answer);
	} else if (verdict_class_of(row->verdict) == NATGW_CLASS_OUT) {
		path_in(&row->in, row->at, &learnt, &in);
		path_out(row, &in, &learnt, true, &packet);
		fprintf(out, ", \"leaves\": \"%s\", \"out\": ",
			row->direction == NATGW_OUTBOUND ? "external" : "internal");
		print_frame(out, &packet.spec);
	} else {
		fputs(", \"leaves\": null, \"out\": null", out);
	}
}

static void print_row(FILE *out, const struct path_case *row)
{
	struct path_packet in = {};

	path_in(&row->in, row->at, &learnt, &in);
	fprintf(out, "{\"id\": \"%s\", \"name\": \"%s\", \"at\": \"%s\", \"wire\": %s", row->id,
		row->name, side_of(row->at), is_for_the_wire(row) ? "true" : "false");
	fprintf(out, ", \"class\": \"%s\", \"verdict\": \"%s\"", class_of(row->verdict),
		verdict_name(row->verdict));
	fprintf(out, ", \"new_port\": %s", path_is_new(row) ? "true" : "false");
	fprintf(out, ", \"given\": \"%s\"", row->given ? row->given : "");
	print_session(out, row);
	print_before(out, row);
	fputs(", \"frame\": ", out);
	print_frame(out, &in.spec);
	print_out(out, row);
	fputc('}', out);
}

void catalogue_print_json(FILE *out)
{
	size_t count;
	const struct path_case *const *rows = catalogue_rows(&count);

	fputs("[\n", out);
	for (size_t i = 0; i < count; i++) {
		print_row(out, rows[i]);
		fputs(i + 1 < count ? ",\n" : "\n]\n", out);
	}
}
