// SPDX-License-Identifier: GPL-2.0-only
/* What the lines of /proc/net say, and sets of ports. Pure; reading them is hostports.c's work. */
#include "hostports.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_4 8 /* hexadecimal digits */
#define ADDRESS_6 32

/* ---- one line ---- */

/* The digits before "end", which is passed over. */
static bool take(const char **at, char end, char *ret_digits, size_t size)
{
	const char *text = *at + strspn(*at, " ");
	size_t length = strspn(text, "0123456789ABCDEFabcdef");

	if (length == 0 || length >= size || text[length] != end) {
		return false;
	}
	memcpy(ret_digits, text, length);
	ret_digits[length] = '\0';
	*at = text + length + 1;
	return true;
}

static unsigned long hexadecimal(const char *digits)
{
	return strtoul(digits, NULL, 16);
}

/* The kernel writes addresses as numbers in the host's order of what is in network order. */
static bool parse_address(const char *digits, __be32 *ret_addr)
{
	unsigned long words[ADDRESS_6 / ADDRESS_4] = { 0 };

	if (strlen(digits) == ADDRESS_4) {
		*ret_addr = (__be32)hexadecimal(digits);
		return true;
	}
	if (strlen(digits) != ADDRESS_6) {
		return false;
	}
	for (size_t i = 0; i < ADDRESS_6 / ADDRESS_4; i++) {
		char word[ADDRESS_4 + 1] = "";

		memcpy(word, digits + i * ADDRESS_4, ADDRESS_4);
		words[i] = hexadecimal(word);
	}
	*ret_addr = (__be32)words[3];
	/* ::, or ::ffff:a.b.c.d */
	return words[0] == 0 && words[1] == 0 &&
	       (words[2] == htonl(0xffff) || (words[2] == 0 && words[3] == 0));
}

bool hostports_parse(const char *line, struct hostports_socket *ret_socket, unsigned int *ret_state)
{
	char number[16];
	char addr[ADDRESS_6 + 1];
	char remote[ADDRESS_6 + 1];
	char port[5];
	char remote_port[5];
	char state[3];

	if (!take(&line, ':', number, sizeof(number)) || !take(&line, ':', addr, sizeof(addr)) ||
	    !take(&line, ' ', port, sizeof(port)) || !take(&line, ':', remote, sizeof(remote)) ||
	    !take(&line, ' ', remote_port, sizeof(remote_port)) ||
	    !take(&line, ' ', state, sizeof(state)) || !parse_address(addr, &ret_socket->addr)) {
		return false;
	}
	ret_socket->port = (uint16_t)hexadecimal(port);
	*ret_state = (unsigned int)hexadecimal(state);
	return true;
}

/* ---- sets ---- */

static void add_port(uint16_t port, struct natgw_port_bits *set)
{
	set->word[port >> 6] |= 1ULL << (port & 63);
}

void hostports_add_sockets(const struct hostports *ports, __be32 addr, enum natgw_proto proto,
			   struct natgw_port_bits *set)
{
	for (size_t i = 0; i < ports->count; i++) {
		const struct hostports_socket *found = &ports->sockets[i];

		if (found->proto == proto && (found->addr == 0 || found->addr == addr)) {
			add_port(found->port, set);
		}
	}
}

void hostports_add_range(uint16_t first, uint16_t last, struct natgw_port_bits *set)
{
	for (uint32_t port = first; port <= last; port++)
		add_port((uint16_t)port, set);
}
