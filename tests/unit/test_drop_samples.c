// SPDX-License-Identifier: GPL-2.0-only
/* Frames taken apart, whatever is in them; sets of reasons; blocks of pcapng. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drop_samples_frame.h"
#include "drop_samples_reason.h"
#include "natgw_verdict.h"
#include "output_pcapng.h"

/* UDP 10.0.1.10:5353 > 203.0.113.10:53 */
static const uint8_t plain[] = {
	2,    0, 0, 0,	0,   1, 2,    0,  0,	0,	     0, 2,  0x08, 0x00,	      /* Ethernet */
	0x45, 0, 0, 28, 0,   1, 0x40, 0,  64,	IPPROTO_UDP, 0, 0,		      /* IPv4 */
	10,   0, 1, 10, 203, 0, 113,  10, 0x14, 0xe9,	     0, 53, 0,	  8,	0, 0, /* UDP */
};

/* ---- frames ---- */

static void test_a_datagram(void **state)
{
	const struct drop_samples_frame frame = drop_samples_frame_parse(plain, sizeof(plain));

	(void)state;
	assert_true(frame.is_ipv4 && frame.has_ports && !frame.has_icmp && !frame.is_fragment);
	assert_int_equal(frame.saddr, inet_addr("10.0.1.10"));
	assert_int_equal(frame.daddr, inet_addr("203.0.113.10"));
	assert_int_equal(frame.sport, 5353);
	assert_int_equal(frame.dport, 53);
}

static void test_tags_options_and_fragments(void **state)
{
	static const uint8_t tag[] = { 0x81, 0, 0, 5 };
	uint8_t frame[64] = { 0 };
	struct drop_samples_frame parsed;

	(void)state;
	memcpy(frame, plain, 12);
	memcpy(frame + 12, tag, sizeof(tag));
	memcpy(frame + 16, plain + 12, sizeof(plain) - 12);
	parsed = drop_samples_frame_parse(frame, sizeof(plain) + 4);
	assert_true(parsed.is_ipv4 && parsed.dport == 53);

	memcpy(frame, plain, sizeof(plain));
	frame[21] = 5; /* in the middle of a datagram */
	parsed = drop_samples_frame_parse(frame, sizeof(plain));
	assert_true(parsed.is_ipv4 && parsed.is_fragment && !parsed.has_ports);

	memcpy(frame, plain, sizeof(plain));
	frame[14] = 0x46; /* one option: its four bytes are the ports of before */
	parsed = drop_samples_frame_parse(frame, sizeof(plain));
	assert_true(parsed.is_ipv4 && parsed.sport == 8 && parsed.dport == 0);
	frame[14] = 0x44; /* shorter than a header can be */
	assert_false(drop_samples_frame_parse(frame, sizeof(plain)).has_ports);

	memcpy(frame, plain, sizeof(plain));
	frame[23] = IPPROTO_ICMP;
	frame[34] = 8;
	frame[35] = 3;
	parsed = drop_samples_frame_parse(frame, sizeof(plain));
	assert_true(parsed.has_icmp && parsed.icmp_type == 8 && parsed.icmp_code == 3);

	frame[13] = 0x06;
	parsed = drop_samples_frame_parse(frame, sizeof(plain));
	assert_true(!parsed.is_ipv4 && parsed.ether_type == 0x0806);
}

/* Every length, in memory that ends there: the sanitizer sees a byte too many. */
static void test_short_frames(void **state)
{
	(void)state;
	for (size_t size = 0; size <= sizeof(plain); size++) {
		uint8_t *data = malloc(size + 1);

		assert_non_null(data);
		memcpy(data, plain, size);
		data = realloc(data, size ? size : 1);
		assert_non_null(data);
		const struct drop_samples_frame frame = drop_samples_frame_parse(data, size);

		assert_int_equal(frame.is_ipv4, size >= 34);
		assert_int_equal(frame.has_ports, size >= 38);
		free(data);
	}
}

/* ---- reasons ---- */

static void test_reasons(void **state)
{
	uint32_t bits[DROP_SAMPLES_REASON_WORDS] = { 0 };
	uint32_t all[DROP_SAMPLES_REASON_WORDS] = { 0 };

	(void)state;
	assert_int_equal(drop_samples_reason_parse("no_session,ipv6_dropped", bits), 0);
	drop_samples_reason_all(all);
	for (unsigned int i = 0; i < NATGW_VERDICT_COUNT; i++) {
		assert_int_equal(drop_samples_reason_has(bits, i),
				 i == NATGW_DROP_NO_SESSION || i == NATGW_DROP_IPV6);
	}
	assert_false(drop_samples_reason_has(all, NATGW_TRANSLATED));
	assert_false(drop_samples_reason_has(all, NATGW_VERDICT_COUNT));
	assert_true(drop_samples_reason_has(all, NATGW_DROP_INTERNAL));
	static const char *const wrong[] = { "",	  ",",		"no_session,",
					     "no_sessio", "translated", "no_session, martian" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(drop_samples_reason_parse(wrong[i], bits), -EINVAL);
}

/* ---- pcapng ---- */

static uint32_t get_u32(const char *text)
{
	uint32_t value;

	memcpy(&value, text, sizeof(value));
	return value;
}

static void test_blocks(void **state)
{
	static const uint32_t types[] = { 0x0a0d0d0a, 1, 6, 6 };
	static char comment[2 * OUTPUT_PCAPNG_COMMENT_MAX];
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	struct output_pcapng_packet packet = {
		.time_ns = 1700000000123456789,
		.length = 1500,
		.data = plain,
		.size = sizeof(plain),
		.comment = "why",
	};
	size_t at = 0;

	(void)state;
	assert_non_null(stream);
	assert_int_equal(output_pcapng_begin(stream, "test"), 0);
	assert_int_equal(output_pcapng_interface(stream, "ext0"), 0);
	assert_int_equal(output_pcapng_packet(stream, &packet), 0);
	memset(comment, 'x', sizeof(comment) - 1);
	packet.comment = comment;
	packet.size = 1; /* is padded */
	assert_int_equal(output_pcapng_packet(stream, &packet), 0);
	packet.size = 1 << 20;
	assert_int_equal(output_pcapng_packet(stream, &packet), -EINVAL);
	fclose(stream);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		uint32_t total = get_u32(text + at + 4);

		assert_int_equal(get_u32(text + at), types[i]);
		assert_int_equal(total % 4, 0);
		assert_int_equal(get_u32(text + at + total - 4), total);
		at += total;
	}
	assert_int_equal(at, size);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_datagram),
		cmocka_unit_test(test_tags_options_and_fragments),
		cmocka_unit_test(test_short_frames),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
