// SPDX-License-Identifier: GPL-2.0-only
/*
 * natgwctl drops: samples of dropped packets while they come, as text, as JSON or as a pcapng file.
 * What they are, natgwd says.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "natgw_operate.h"
#include "output_list.h"
#include "output_pcapng.h"
#include "parse_util.h"
#include "version.h"

#define INTERFACES_MAX 64
#define HOST_INTERFACE "host" /* for packets that came in by none */

struct ctl_option ctl_drops_options[] = {
	{ .name = "reason",
	  .key = "reason",
	  .help = "REASON[,REASON...]  only those, like no_session" },
	{ .name = "client", .key = "client", .help = "ADDRESS  at one end of the packet" },
	{ .name = "count", .letter = 'n', .help = "N  ends after so many packets" },
	{ .name = "pcap", .help = "FILE  as pcapng, for Wireshark; -: standard output" },
	{},
};

struct sink {
	bool json;
	FILE *pcap;    /* NULL: text or JSON on standard output */
	uint32_t left; /* packets to come; 0: no end */
	char interfaces[INTERFACES_MAX][32];
	uint32_t interface_count;
};

/* ---- text ---- */

static void print_end(const json_t *drop, const char *address, const char *port)
{
	printf("%s", output_list_text(drop, address));
	if (json_object_get(drop, port)) {
		printf(":%" JSON_INTEGER_FORMAT, output_list_number(drop, port));
	}
}

static void print_packet(const json_t *drop)
{
	if (!json_object_get(drop, "src")) {
		printf("ether type 0x%04" PRIx64, (uint64_t)output_list_number(drop, "ether_type"));
		return;
	}
	printf("%s ", output_list_text(drop, "protocol"));
	print_end(drop, "src", "src_port");
	printf(" > ");
	print_end(drop, "dst", "dst_port");
	if (json_object_get(drop, "icmp_type")) {
		printf(" type %" JSON_INTEGER_FORMAT " code %" JSON_INTEGER_FORMAT,
		       output_list_number(drop, "icmp_type"),
		       output_list_number(drop, "icmp_code"));
	}
}

static int print_drop(const json_t *drop)
{
	const char *interface = json_string_value(json_object_get(drop, "interface"));

	printf("%s %s ", output_list_text(drop, "time"), output_list_text(drop, "reason"));
	print_packet(drop);
	printf(", %" JSON_INTEGER_FORMAT " bytes, %s %s by %s, gateway %s: %s\n",
	       output_list_number(drop, "length"), output_list_text(drop, "hook"),
	       output_list_text(drop, "direction"),
	       interface && interface[0] ? interface : HOST_INTERFACE,
	       output_list_text(drop, "gateway"), output_list_text(drop, "text"));
	return fflush(stdout) == 0 ? 0 : -EIO;
}

/* ---- pcapng ---- */

static int find_interface(struct sink *sink, const char *name, uint32_t *ret_number)
{
	for (uint32_t i = 0; i < sink->interface_count; i++) {
		if (strcmp(sink->interfaces[i], name) == 0) {
			*ret_number = i;
			return 0;
		}
	}
	if (sink->interface_count == INTERFACES_MAX) {
		return -ENOSPC;
	}
	int r = output_pcapng_interface(sink->pcap, name);

	if (r == 0) {
		snprintf(sink->interfaces[sink->interface_count], sizeof(sink->interfaces[0]), "%s",
			 name);
		*ret_number = sink->interface_count++;
	}
	return r;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The size; negative: that is no hex, or too much of it. */
static int parse_hex(const char *hex, uint8_t *data, size_t room)
{
	size_t size = strlen(hex) / 2;

	if (size > room || strlen(hex) % 2) {
		return -EPROTO;
	}
	for (size_t i = 0; i < size; i++) {
		int high = digit(hex[2 * i]);
		int low = digit(hex[2 * i + 1]);

		if (high < 0 || low < 0) {
			return -EPROTO;
		}
		data[i] = (uint8_t)(high << 4 | low);
	}
	return (int)size;
}

static int write_drop(struct sink *sink, const json_t *drop)
{
	const char *name = json_string_value(json_object_get(drop, "interface"));
	const char *hex = json_string_value(json_object_get(drop, "data"));
	uint8_t data[NATGW_SAMPLE_BYTES];
	char comment[OUTPUT_PCAPNG_COMMENT_MAX];
	int size = hex ? parse_hex(hex, data, sizeof(data)) : -EPROTO;

	if (size < 0) {
		return size;
	}
	snprintf(comment, sizeof(comment), "%s: %s; gateway %s, %s %s",
		 output_list_text(drop, "reason"), output_list_text(drop, "text"),
		 output_list_text(drop, "gateway"), output_list_text(drop, "hook"),
		 output_list_text(drop, "direction"));
	struct output_pcapng_packet packet = {
		.time_ns = (uint64_t)output_list_number(drop, "time_ns"),
		.length = (uint32_t)output_list_number(drop, "length"),
		.data = data,
		.size = (uint32_t)size,
		.comment = comment,
	};
	int r = find_interface(sink, name && name[0] ? name : HOST_INTERFACE, &packet.interface);

	if (r == 0) {
		r = output_pcapng_packet(sink->pcap, &packet);
	}
	return r == 0 && fflush(sink->pcap) != 0 ? -EIO : r;
}

/* ---- lines ---- */

static int take_drop(struct sink *sink, const json_t *json, const char *line)
{
	int r;

	if (sink->pcap) {
		r = write_drop(sink, json);
	} else if (sink->json) {
		r = puts(line) == EOF || fflush(stdout) != 0 ? -EIO : 0;
	} else {
		r = print_drop(json);
	}
	if (r < 0) {
		fprintf(stderr, "natgwctl: cannot write: %s\n", strerror(-r));
		return r;
	}
	return sink->left && --sink->left == 0 ? 1 : 0;
}

static int take_line(const char *line, size_t size, void *arg)
{
	struct sink *sink = arg;
	json_t *json = json_loadb(line, size, 0, NULL);
	int r = 0;

	if (!json) {
		fprintf(stderr, "natgwctl: natgwd's answer is not JSON\n");
		return -EPROTO;
	}
	if (json_object_get(json, "reason")) {
		r = take_drop(sink, json, line);
	} else if (json_object_get(json, "lost")) {
		fprintf(stderr, "natgwctl: %" JSON_INTEGER_FORMAT " samples lost\n",
			output_list_number(json, "lost"));
	} else if (json_object_get(json, "sampling")) {
		fprintf(stderr, "natgwctl: watching for drops, %zu reasons\n",
			json_array_size(json_object_get(json, "sampling")));
	}
	json_decref(json);
	return r;
}

static int open_pcap(const char *path, FILE **ret_stream)
{
	FILE *stream = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");

	if (!stream) {
		fprintf(stderr, "natgwctl: cannot write %s: %s\n", path, strerror(errno));
		return -errno;
	}
	if (stream == stdout && isatty(STDOUT_FILENO)) {
		fprintf(stderr,
			"natgwctl: --pcap - writes no text: send it to a file or a program\n");
		return -EINVAL;
	}
	if (output_pcapng_begin(stream, "natgwctl " NATGW_VERSION) < 0 || fflush(stream) != 0) {
		fprintf(stderr, "natgwctl: cannot write %s: %s\n", path, strerror(errno));
		return -EIO;
	}
	*ret_stream = stream;
	return 0;
}

int ctl_drops(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	const char *count = ctl_value(ctl_drops_options, "count");
	const char *pcap = ctl_value(ctl_drops_options, "pcap");
	struct sink sink = { .json = ctl->json };
	char path[1024] = "/v1/drops";

	(void)words;
	(void)word_count;
	if (count && (parse_util_u32(count, &sink.left) < 0 || sink.left == 0)) {
		fprintf(stderr, "natgwctl: --count is a number from 1 on, not \"%s\"\n", count);
		return CTL_USAGE;
	}
	if (ctl_append_options(path, sizeof(path), ctl_drops_options) < 0 ||
	    (pcap && open_pcap(pcap, &sink.pcap) < 0)) {
		return 1;
	}
	int r = ctl_stream(ctl, path, take_line, &sink);

	if (sink.pcap && sink.pcap != stdout) {
		fclose(sink.pcap); /* every packet has been flushed */
	}
	if (r == 0) {
		fprintf(stderr, "natgwctl: natgwd has ended the stream\n");
	}
	return r == 1 ? 0 : 1;
}
