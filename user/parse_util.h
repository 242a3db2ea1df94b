/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text to numbers, addresses and ranges. Strict: the whole text must be the thing asked for, no
 * blanks, no sign, no leading zeros. Pure: no I/O, no locale. 0, or -EINVAL when the text has not
 * that form and -ERANGE when it has but the value is out of bounds. Addresses are in network byte
 * order.
 */
#ifndef NATGW_USER_PARSE_UTIL_H
#define NATGW_USER_PARSE_UTIL_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

/* Longest text of an IPv4 prefix with the NUL. */
#define PARSE_UTIL_PREFIX_TEXT 19

/* Decimal. */
int parse_util_u32(const char *text, uint32_t *ret_value);

/* Decimal, or hexadecimal after 0x. */
int parse_util_bits(const char *text, uint32_t *ret_value);

/* Decimal, with k, M or G for thousands, millions and thousand millions: "100M". -ERANGE: above
 * 10^18. */
int parse_util_scaled(const char *text, uint64_t *ret_value);

/* "350s", "5m", "2h" in seconds. -ERANGE when it does not fit 32 bits. */
int parse_util_duration(const char *text, uint32_t *ret_seconds);

/* "192.0.2.1" */
int parse_util_address(const char *text, __be32 *ret_addr);

/* "192.0.2.0/24". Host bits may be set: compare with parse_util_network. -ERANGE: longer than 32.
 */
int parse_util_prefix(const char *text, __be32 *ret_addr, uint8_t *ret_len);

/* "192.0.2.1-192.0.2.9", both inclusive. -ERANGE: reversed. */
int parse_util_range(const char *text, __be32 *ret_first, __be32 *ret_last);

/* "443". -ERANGE: not 1 .. 65535. */
int parse_util_port(const char *text, uint16_t *ret_port);

/* "1024-65535", both inclusive. -ERANGE: reversed, or a port that is not 1 .. 65535. */
int parse_util_port_range(const char *text, uint16_t *ret_first, uint16_t *ret_last);

/* The same, or one port: "443". */
int parse_util_ports(const char *text, uint16_t *ret_first, uint16_t *ret_last);

/* "10.0.1.5", or with a port, "10.0.1.5:8080"; without one *ret_port is 0. -ERANGE: port not 1 ..
 * 65535. */
int parse_util_endpoint(const char *text, __be32 *ret_addr, uint16_t *ret_port);

/*
 * "127.0.0.1:9464" or "[::1]:9464". The address is written to ret_addr (size bytes, 46 hold any) in
 * its canonical form without brackets. -ERANGE: port not 1 .. 65535.
 */
int parse_util_listen(const char *text, char *ret_addr, size_t size, uint16_t *ret_port);

/* addr without its host bits. len 0 .. 32 */
__be32 parse_util_network(__be32 addr, uint8_t len);

#endif
