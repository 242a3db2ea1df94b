/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text to numbers, addresses and ranges, for everything that a user can write. It knows forms, not
 * meanings: which values make sense is the caller's business.
 */
#include "parse_util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Longest part of a text that is copied: an IPv6 address. */
#define PART_MAX INET6_ADDRSTRLEN
/* Ten times this and a digit fit 64 bits. */
#define NUMBER_MAX 1000000000000000000ULL

static int digit_value(char digit, uint32_t base)
{
	if (digit >= '0' && digit <= '9') {
		return digit - '0';
	}
	if (base == 16 && digit >= 'a' && digit <= 'f') {
		return digit - 'a' + 10;
	}
	if (base == 16 && digit >= 'A' && digit <= 'F') {
		return digit - 'A' + 10;
	}
	return -1;
}

/*
 * The digits text[0 .. length), at least one; max is at most NUMBER_MAX. A number that is too big
 * is still read to its end.
 */
static int number(const char *text, size_t length, uint32_t base, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;
	bool too_big = false;

	if (!length) {
		return -EINVAL;
	}
	for (size_t i = 0; i < length; i++) {
		int digit = digit_value(text[i], base);

		if (digit < 0) {
			return -EINVAL;
		}
		if (!too_big) {
			value = value * base + (uint32_t)digit;
			too_big = value > max;
		}
	}
	if (too_big) {
		return -ERANGE;
	}
	*ret_value = value;
	return 0;
}

static int number_u32(const char *text, size_t length, uint32_t base, uint32_t *ret_value)
{
	uint64_t value;
	int err = number(text, length, base, UINT32_MAX, &value);

	if (!err) {
		*ret_value = (uint32_t)value;
	}
	return err;
}

/* Some read 010 as eight, others as ten: refused. */
static bool has_leading_zero(const char *text, size_t length)
{
	return length > 1 && text[0] == '0';
}

static int decimal(const char *text, size_t length, uint32_t *ret_value)
{
	if (has_leading_zero(text, length)) {
		return -EINVAL;
	}
	return number_u32(text, length, 10, ret_value);
}

/* text[0 .. length) with a NUL into part, PART_MAX bytes. */
static int copy_part(const char *text, size_t length, char *part)
{
	if (!length || length >= PART_MAX) {
		return -EINVAL;
	}
	memcpy(part, text, length);
	part[length] = '\0';
	return 0;
}

static int port(const char *text, size_t length, uint16_t *ret_port)
{
	uint32_t value;
	int err = decimal(text, length, &value);

	if (err) {
		return err;
	}
	if (!value || value > UINT16_MAX) {
		return -ERANGE;
	}
	*ret_port = (uint16_t)value;
	return 0;
}

int parse_util_u32(const char *text, uint32_t *ret_value)
{
	return decimal(text, strlen(text), ret_value);
}

int parse_util_bits(const char *text, uint32_t *ret_value)
{
	if (text[0] == '0' && text[1] == 'x') {
		return number_u32(text + 2, strlen(text + 2), 16, ret_value);
	}
	return parse_util_u32(text, ret_value);
}

static uint64_t unit_factor(char unit)
{
	switch (unit) {
	case 'k':
		return 1000;
	case 'M':
		return 1000000;
	case 'G':
		return 1000000000;
	default:
		return 0;
	}
}

int parse_util_scaled(const char *text, uint64_t *ret_value)
{
	size_t length = strlen(text);
	uint64_t factor = length ? unit_factor(text[length - 1]) : 0;
	uint64_t value;
	int err;

	if (factor) {
		length--;
	} else {
		factor = 1;
	}
	if (has_leading_zero(text, length)) {
		return -EINVAL;
	}
	err = number(text, length, 10, NUMBER_MAX / factor, &value);
	if (!err) {
		*ret_value = value * factor;
	}
	return err;
}

static uint32_t unit_seconds(char unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	default:
		return 0;
	}
}

int parse_util_duration(const char *text, uint32_t *ret_seconds)
{
	size_t length = strlen(text);
	uint32_t value;
	uint32_t unit;
	int err;

	if (!length) {
		return -EINVAL;
	}
	unit = unit_seconds(text[length - 1]);
	if (!unit) {
		return -EINVAL;
	}
	err = decimal(text, length - 1, &value);
	if (err) {
		return err;
	}
	if (value > UINT32_MAX / unit) {
		return -ERANGE;
	}
	*ret_seconds = value * unit;
	return 0;
}

int parse_util_address(const char *text, __be32 *ret_addr)
{
	struct in_addr addr;

	/* inet_pton takes four decimal numbers without leading zeros and nothing else. */
	if (inet_pton(AF_INET, text, &addr) != 1) {
		return -EINVAL;
	}
	*ret_addr = addr.s_addr;
	return 0;
}

int parse_util_prefix(const char *text, __be32 *ret_addr, uint8_t *ret_len)
{
	const char *slash = strchr(text, '/');
	char part[PART_MAX];
	uint32_t len;
	__be32 addr;
	int err;

	if (!slash || copy_part(text, (size_t)(slash - text), part) ||
	    parse_util_address(part, &addr)) {
		return -EINVAL;
	}
	err = parse_util_u32(slash + 1, &len);
	if (err) {
		return err;
	}
	if (len > 32) {
		return -ERANGE;
	}
	*ret_addr = addr;
	*ret_len = (uint8_t)len;
	return 0;
}

int parse_util_range(const char *text, __be32 *ret_first, __be32 *ret_last)
{
	const char *dash = strchr(text, '-');
	char part[PART_MAX];
	__be32 first;
	__be32 last;

	if (!dash || copy_part(text, (size_t)(dash - text), part) ||
	    parse_util_address(part, &first) || parse_util_address(dash + 1, &last)) {
		return -EINVAL;
	}
	if (ntohl(first) > ntohl(last)) {
		return -ERANGE;
	}
	*ret_first = first;
	*ret_last = last;
	return 0;
}

int parse_util_port(const char *text, uint16_t *ret_port)
{
	return port(text, strlen(text), ret_port);
}

int parse_util_port_range(const char *text, uint16_t *ret_first, uint16_t *ret_last)
{
	const char *dash = strchr(text, '-');
	uint16_t first = 0;
	uint16_t last = 0;
	int first_err;
	int last_err;

	if (!dash) {
		return -EINVAL;
	}
	first_err = port(text, (size_t)(dash - text), &first);
	last_err = port(dash + 1, strlen(dash + 1), &last);
	if (first_err == -EINVAL || last_err == -EINVAL) {
		return -EINVAL;
	}
	if (first_err || last_err || first > last) {
		return -ERANGE;
	}
	*ret_first = first;
	*ret_last = last;
	return 0;
}

int parse_util_ports(const char *text, uint16_t *ret_first, uint16_t *ret_last)
{
	uint16_t only;
	int err;

	if (strchr(text, '-')) {
		return parse_util_port_range(text, ret_first, ret_last);
	}
	err = port(text, strlen(text), &only);
	if (!err) {
		*ret_first = only;
		*ret_last = only;
	}
	return err;
}

int parse_util_endpoint(const char *text, __be32 *ret_addr, uint16_t *ret_port)
{
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	char part[PART_MAX];
	uint16_t value = 0;
	__be32 addr;
	int err;

	if (copy_part(text, length, part) || parse_util_address(part, &addr)) {
		return -EINVAL;
	}
	err = colon ? parse_util_port(colon + 1, &value) : 0;
	if (!err) {
		*ret_addr = addr;
		*ret_port = value;
	}
	return err;
}

/* The address of a listen text: its end in *ret_end, which points at the colon before the port. */
static int listen_host(const char *text, char *part, int *ret_family, const char **ret_end)
{
	bool bracket = text[0] == '[';
	const char *start = bracket ? text + 1 : text;
	const char *end = strchr(start, bracket ? ']' : ':');

	if (!end || copy_part(start, (size_t)(end - start), part)) {
		return -EINVAL;
	}
	end += bracket ? 1 : 0;
	if (*end != ':') {
		return -EINVAL;
	}
	*ret_family = bracket ? AF_INET6 : AF_INET;
	*ret_end = end;
	return 0;
}

int parse_util_listen(const char *text, char *ret_addr, size_t size, uint16_t *ret_port)
{
	struct in6_addr addr;
	char canonical[PART_MAX];
	char part[PART_MAX];
	const char *end;
	uint16_t value;
	int family;
	int err;

	err = listen_host(text, part, &family, &end);
	if (err || inet_pton(family, part, &addr) != 1 ||
	    !inet_ntop(family, &addr, canonical, sizeof(canonical)) || strlen(canonical) >= size) {
		return -EINVAL;
	}
	err = port(end + 1, strlen(end + 1), &value);
	if (err) {
		return err;
	}
	memcpy(ret_addr, canonical, strlen(canonical) + 1);
	*ret_port = value;
	return 0;
}

__be32 parse_util_network(__be32 addr, uint8_t len)
{
	return len ? addr & htonl(UINT32_MAX << (32 - len)) : 0;
}
