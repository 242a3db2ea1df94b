/* SPDX-License-Identifier: GPL-2.0-only */
/* Text to numbers, addresses and ranges: forms taken, forms refused, and the values at every bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "parse_util.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define UNTOUCHED 0x5a5a5a5a

struct number_case {
	const char *text;
	int err;
	uint32_t value;
};

typedef int (*number_parser)(const char *text, uint32_t *ret_value);

static void check_number(number_parser parse, const struct number_case *one)
{
	uint32_t want = one->err ? UNTOUCHED : one->value;
	uint32_t value = UNTOUCHED;
	int err = parse(one->text, &value);

	if (err != one->err || value != want) {
		fail_msg("\"%s\": %d and %u, not %d and %u", one->text, err, value, one->err, want);
	}
}

static void check_numbers(number_parser parse, const struct number_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		check_number(parse, &cases[i]);
	}
}

static void test_u32(void **state)
{
	static const struct number_case cases[] = {
		{ "0", 0, 0 },
		{ "7", 0, 7 },
		{ "4294967295", 0, UINT32_MAX },
		{ "4294967296", -ERANGE, 0 },
		{ "99999999999999999999999999", -ERANGE, 0 },
		{ "99999999999999999999999999x", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "01", -EINVAL, 0 },
		{ "00", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1_000", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
	};

	(void)state;
	check_numbers(parse_util_u32, cases, COUNT(cases));
}

static void test_bits(void **state)
{
	static const struct number_case cases[] = {
		{ "16", 0, 16 },
		{ "0", 0, 0 },
		{ "0x0", 0, 0 },
		{ "0x20000000", 0, 0x20000000 },
		{ "0xFfFfFfFf", 0, UINT32_MAX },
		{ "0x00000001", 0, 1 },
		{ "0x100000000", -ERANGE, 0 },
		{ "0x", -EINVAL, 0 },
		{ "0xg", -EINVAL, 0 },
		{ "0X1", -EINVAL, 0 },
		{ "x1", -EINVAL, 0 },
		{ "ff", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	(void)state;
	check_numbers(parse_util_bits, cases, COUNT(cases));
}

static void test_duration(void **state)
{
	static const struct number_case cases[] = {
		{ "0s", 0, 0 },
		{ "1s", 0, 1 },
		{ "350s", 0, 350 },
		{ "5m", 0, 300 },
		{ "2h", 0, 7200 },
		{ "4294967295s", 0, UINT32_MAX },
		{ "71582788m", 0, 4294967280U },
		{ "71582789m", -ERANGE, 0 },
		{ "1193046h", 0, 4294965600U },
		{ "1193047h", -ERANGE, 0 },
		{ "4294967296s", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "350", -EINVAL, 0 },
		{ "350S", -EINVAL, 0 },
		{ "350 s", -EINVAL, 0 },
		{ "350ms", -EINVAL, 0 },
		{ "1d", -EINVAL, 0 },
		{ "1h30m", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "1.5m", -EINVAL, 0 },
		{ "010s", -EINVAL, 0 },
	};

	(void)state;
	check_numbers(parse_util_duration, cases, COUNT(cases));
}

struct scaled_case {
	const char *text;
	int err;
	uint64_t value;
};

static void check_scaled(const struct scaled_case *one)
{
	uint64_t want = one->err ? UNTOUCHED : one->value;
	uint64_t value = UNTOUCHED;
	int err = parse_util_scaled(one->text, &value);

	if (err != one->err || value != want) {
		fail_msg("\"%s\": %d and %llu", one->text, err, (unsigned long long)value);
	}
}

static void test_scaled(void **state)
{
	static const struct scaled_case cases[] = {
		{ "0", 0, 0 },
		{ "7", 0, 7 },
		{ "0k", 0, 0 },
		{ "8k", 0, 8000 },
		{ "100M", 0, 100000000 },
		{ "1G", 0, 1000000000 },
		{ "1000G", 0, 1000000000000ULL },
		{ "1000000000000000000", 0, 1000000000000000000ULL },
		{ "1000000000000000001", -ERANGE, 0 },
		{ "1000000000G", 0, 1000000000000000000ULL },
		{ "1000000001G", -ERANGE, 0 },
		{ "1000000000000001k", -ERANGE, 0 },
		{ "99999999999999999999999999", -ERANGE, 0 },
		{ "99999999999999999999999999x", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "k", -EINVAL, 0 },
		{ "1K", -EINVAL, 0 },
		{ "1m", -EINVAL, 0 },
		{ "1T", -EINVAL, 0 },
		{ "1Mi", -EINVAL, 0 },
		{ "1kk", -EINVAL, 0 },
		{ "1 k", -EINVAL, 0 },
		{ "01k", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 },
		{ "1e6", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		check_scaled(&cases[i]);
	}
}

static void test_address(void **state)
{
	static const char *const bad[] = { "",	       "1.2.3",	    "1.2.3.4.5", "256.1.1.1",
					   "1.2.3.04", "1.2.3.4 ",  " 1.2.3.4",	 "1.2.3.4/32",
					   "::1",      "0x1.2.3.4", "1.2.3.-4",	 "localhost",
					   "1.2..4",   "16909060",  "1.2.3.4\n" };
	__be32 addr = UNTOUCHED;

	(void)state;
	assert_int_equal(parse_util_address("192.0.2.1", &addr), 0);
	assert_int_equal(ntohl(addr), 0xc0000201);
	assert_int_equal(parse_util_address("0.0.0.0", &addr), 0);
	assert_int_equal(addr, 0);
	assert_int_equal(parse_util_address("255.255.255.255", &addr), 0);
	assert_int_equal(addr, UINT32_MAX);
	addr = UNTOUCHED;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(parse_util_address(bad[i], &addr), -EINVAL);
	}
	assert_int_equal(addr, UNTOUCHED);
}

static void test_prefix(void **state)
{
	static const char *const bad[] = { "",
					   "10.0.0.0",
					   "10.0.0.0/",
					   "/8",
					   "10.0.0.0/08",
					   "10.0.0.0/8/8",
					   "10.0.0.0/-1",
					   "10.0.0.0 /8",
					   "10.0.0.0/255.0.0.0",
					   "10.0.0/8",
					   "2001:db8::/32" };
	__be32 addr = UNTOUCHED;
	uint8_t len = 77;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(parse_util_prefix(bad[i], &addr, &len), -EINVAL);
	}
	assert_int_equal(parse_util_prefix("10.0.0.0/33", &addr, &len), -ERANGE);
	assert_int_equal(parse_util_prefix("10.0.0.0/99999999999", &addr, &len), -ERANGE);
	assert_int_equal(addr, UNTOUCHED);
	assert_int_equal(len, 77);
	assert_int_equal(parse_util_prefix("0.0.0.0/0", &addr, &len), 0);
	assert_int_equal(addr, 0);
	assert_int_equal(len, 0);
	assert_int_equal(parse_util_prefix("255.255.255.255/32", &addr, &len), 0);
	assert_int_equal(addr, UINT32_MAX);
	assert_int_equal(len, 32);
	assert_int_equal(parse_util_prefix("10.1.2.3/8", &addr, &len), 0);
	assert_int_equal(ntohl(addr), 0x0a010203);
	assert_int_equal(len, 8);
}

static void test_network(void **state)
{
	__be32 addr = htonl(0xffffffff);

	(void)state;
	assert_int_equal(parse_util_network(addr, 0), 0);
	assert_int_equal(ntohl(parse_util_network(addr, 1)), 0x80000000);
	assert_int_equal(ntohl(parse_util_network(addr, 31)), 0xfffffffe);
	assert_int_equal(ntohl(parse_util_network(addr, 32)), 0xffffffff);
	assert_int_equal(ntohl(parse_util_network(htonl(0x0a010203), 8)), 0x0a000000);
}

static void test_range(void **state)
{
	static const char *const bad[] = { "",
					   "-",
					   "192.0.2.1",
					   "192.0.2.1-",
					   "-192.0.2.1",
					   "192.0.2.1-9",
					   "192.0.2.1 - 192.0.2.9",
					   "192.0.2.1-192.0.2.9-192.0.2.12",
					   "192.0.2.1-192.0.2.256" };
	__be32 first = UNTOUCHED;
	__be32 last = UNTOUCHED;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(parse_util_range(bad[i], &first, &last), -EINVAL);
	}
	assert_int_equal(parse_util_range("192.0.2.2-192.0.2.1", &first, &last), -ERANGE);
	/* Reversed by the first octet only: the comparison is of numbers in host order. */
	assert_int_equal(parse_util_range("2.0.0.1-1.0.0.2", &first, &last), -ERANGE);
	assert_int_equal(first, UNTOUCHED);
	assert_int_equal(last, UNTOUCHED);
	assert_int_equal(parse_util_range("1.0.0.2-2.0.0.1", &first, &last), 0);
	assert_int_equal(ntohl(first), 0x01000002);
	assert_int_equal(ntohl(last), 0x02000001);
	assert_int_equal(parse_util_range("192.0.2.1-192.0.2.1", &first, &last), 0);
	assert_int_equal(first, last);
}

static void test_port_range(void **state)
{
	static const char *const bad[] = { "",	     "-",	    "1024",  "1024-",	   "-1024",
					   "1024-x", "1024 - 2048", "1-2-3", "01024-2048", "0-x" };
	static const char *const out[] = { "0-1",	  "1-0",       "0-0",	       "1-65536",
					   "65536-65537", "2048-1024", "1-99999999999" };
	uint16_t first = 77;
	uint16_t last = 77;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(parse_util_port_range(bad[i], &first, &last), -EINVAL);
	}
	for (size_t i = 0; i < COUNT(out); i++) {
		assert_int_equal(parse_util_port_range(out[i], &first, &last), -ERANGE);
	}
	assert_int_equal(first, 77);
	assert_int_equal(last, 77);
	assert_int_equal(parse_util_port_range("1-65535", &first, &last), 0);
	assert_int_equal(first, 1);
	assert_int_equal(last, 65535);
	assert_int_equal(parse_util_port_range("2000-2000", &first, &last), 0);
	assert_int_equal(first, 2000);
	assert_int_equal(last, 2000);
}

static void test_ports(void **state)
{
	static const char *const bad[] = { "", "-", "443-", "-443", "x", "0443", "443 ", "1-2-3" };
	static const char *const out[] = { "0", "65536", "99999999999", "2-1" };
	uint16_t first = 77;
	uint16_t last = 77;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(parse_util_ports(bad[i], &first, &last), -EINVAL);
	}
	for (size_t i = 0; i < COUNT(out); i++) {
		assert_int_equal(parse_util_ports(out[i], &first, &last), -ERANGE);
	}
	assert_int_equal(first, 77);
	assert_int_equal(last, 77);
	assert_int_equal(parse_util_ports("443", &first, &last), 0);
	assert_int_equal(first, 443);
	assert_int_equal(last, 443);
	assert_int_equal(parse_util_ports("3478-3479", &first, &last), 0);
	assert_int_equal(first, 3478);
	assert_int_equal(last, 3479);
}

static void test_port(void **state)
{
	static const char *const bad[] = { "", "-1", "1-2", " 1", "1 ", "01", "0x1", "http", "1." };
	static const char *const out[] = { "0", "65536", "4294967297" };
	uint16_t port = 77;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(parse_util_port(bad[i], &port), -EINVAL);
	}
	for (size_t i = 0; i < COUNT(out); i++) {
		assert_int_equal(parse_util_port(out[i], &port), -ERANGE);
	}
	assert_int_equal(port, 77);
	assert_int_equal(parse_util_port("1", &port), 0);
	assert_int_equal(port, 1);
	assert_int_equal(parse_util_port("65535", &port), 0);
	assert_int_equal(port, 65535);
}

static void test_endpoint(void **state)
{
	static const char *const bad[] = { "",
					   ":",
					   ":80",
					   "10.0.1.5:",
					   "10.0.1:80",
					   "10.0.1.5:x",
					   "10.0.1.5 :80",
					   "10.0.1.5:1:2",
					   "10.0.1.5:1-2",
					   "10.0.1.5/32",
					   "10.0.1.05:1" };
	__be32 addr = UNTOUCHED;
	uint16_t port = 77;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(parse_util_endpoint(bad[i], &addr, &port), -EINVAL);
	}
	assert_int_equal(parse_util_endpoint("10.0.1.5:0", &addr, &port), -ERANGE);
	assert_int_equal(parse_util_endpoint("10.0.1.5:65536", &addr, &port), -ERANGE);
	assert_int_equal(addr, UNTOUCHED);
	assert_int_equal(port, 77);
	assert_int_equal(parse_util_endpoint("10.0.1.5:8080", &addr, &port), 0);
	assert_int_equal(ntohl(addr), 0x0a000105);
	assert_int_equal(port, 8080);
	assert_int_equal(parse_util_endpoint("255.255.255.255", &addr, &port), 0);
	assert_int_equal(addr, UINT32_MAX);
	assert_int_equal(port, 0);
}

static void test_listen(void **state)
{
	static const char *const bad[] = {
		"",	      "off",	       "9464",		":9464",       "127.0.0.1",
		"127.0.0.1:", "localhost:1",   "::1:9464",	"[::1]",       "[::1]9464",
		"[::1:9464",  "[127.0.0.1]:1", "[]:1",		"1.2.3.4:1:2", "1.2.3.4:+1",
		"1.2.3.4:01", "*:9464",	       "[fe80::1%lo]:1"
	};
	char addr[46] = "untouched";
	uint16_t port = 77;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(parse_util_listen(bad[i], addr, sizeof(addr), &port), -EINVAL);
	}
	assert_int_equal(parse_util_listen("1.2.3.4:0", addr, sizeof(addr), &port), -ERANGE);
	assert_int_equal(parse_util_listen("1.2.3.4:65536", addr, sizeof(addr), &port), -ERANGE);
	assert_string_equal(addr, "untouched");
	assert_int_equal(port, 77);
	assert_int_equal(parse_util_listen("0.0.0.0:1", addr, sizeof(addr), &port), 0);
	assert_string_equal(addr, "0.0.0.0");
	assert_int_equal(port, 1);
	assert_int_equal(parse_util_listen("[2001:DB8:0:0::1]:65535", addr, sizeof(addr), &port),
			 0);
	assert_string_equal(addr, "2001:db8::1");
	assert_int_equal(port, 65535);
	assert_int_equal(parse_util_listen("127.0.0.1:80", addr, 9, &port), -EINVAL);
	assert_int_equal(parse_util_listen("127.0.0.1:80", addr, 10, &port), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u32),	 cmocka_unit_test(test_bits),
		cmocka_unit_test(test_duration), cmocka_unit_test(test_address),
		cmocka_unit_test(test_prefix),	 cmocka_unit_test(test_network),
		cmocka_unit_test(test_range),	 cmocka_unit_test(test_port_range),
		cmocka_unit_test(test_listen),	 cmocka_unit_test(test_scaled),
		cmocka_unit_test(test_ports),	 cmocka_unit_test(test_port),
		cmocka_unit_test(test_endpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
