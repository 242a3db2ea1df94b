/* SPDX-License-Identifier: GPL-2.0-only */
/* Which ports the host uses: lines of /proc/net, sets, and sockets of the test itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostports.h"

static bool has(const struct natgw_port_bits *set, unsigned int port)
{
	return set->word[port >> 6] >> (port & 63) & 1;
}

static unsigned int count(const struct natgw_port_bits *set)
{
	unsigned int ports = 0;

	for (unsigned int port = 0; port < 65536; port++)
		ports += has(set, port);
	return ports;
}

/* ---- lines ---- */

static void test_lines(void **state)
{
	static const struct {
		const char *line;
		const char *addr;
		uint16_t port;
		unsigned int status;
	} lines[] = {
		{ "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000", "0.0.0.0",
		  22, TCP_LISTEN },
		{ "  12: 0A7100CB:0277 07643AC6:0050 01 00000000:00000000 00:00000000",
		  "203.0.113.10", 631, TCP_ESTABLISHED },
		{ "   3: 00000000000000000000000000000000:1F90 "
		  "00000000000000000000000000000000:0000 0A 0",
		  "0.0.0.0", 8080, TCP_LISTEN },
		{ "   3: 0000000000000000FFFF00000A7100CB:1F90 "
		  "00000000000000000000000000000000:0000 0A 0",
		  "203.0.113.10", 8080, TCP_LISTEN },
		{ " 1234: 00000000:FFFF 00000000:0000 07 0", "0.0.0.0", 65535, 7 },
	};
	static const char *const others[] = {
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt",
		"",
		/* ::1 and a global address: not for IPv4. */
		"   1: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 0",
		"   2: B80D0120000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 0",
		"   3: 0000:0277 0000:0000 0A 0",
	};
	struct hostports_socket found = { 0 };
	unsigned int status;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_true(hostports_parse(lines[i].line, &found, &status));
		assert_int_equal(found.addr, inet_addr(lines[i].addr));
		assert_int_equal(found.port, lines[i].port);
		assert_int_equal(status, lines[i].status);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(hostports_parse(others[i], &found, &status));
}

/* ---- sets ---- */

static void test_sets(void **state)
{
	struct hostports_socket sockets[] = {
		{ 0, 22, NATGW_PROTO_TCP },
		{ inet_addr("203.0.113.10"), 53, NATGW_PROTO_TCP },
		{ inet_addr("127.0.0.1"), 631, NATGW_PROTO_TCP },
		{ 0, 123, NATGW_PROTO_UDP },
	};
	const struct hostports ports = { .sockets = sockets, .count = 4 };
	struct natgw_port_bits set = { 0 };

	(void)state;
	hostports_add_sockets(&ports, inet_addr("203.0.113.10"), NATGW_PROTO_TCP, &set);
	assert_true(has(&set, 22));
	assert_true(has(&set, 53));
	assert_int_equal(count(&set), 2);
	hostports_add_range(65530, 65535, &set);
	assert_true(has(&set, 65535));
	assert_int_equal(count(&set), 8);
	hostports_add_range(60, 70, &set);
	assert_true(has(&set, 60) && has(&set, 64) && has(&set, 70) && !has(&set, 71));
}

/* ---- the host ---- */

static uint16_t open_socket(int type, const char *addr, int *ret_fd)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(addr) };
	socklen_t length = sizeof(name);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
	if (type == SOCK_STREAM) {
		assert_int_equal(listen(fd, 4), 0);
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &length), 0);
	*ret_fd = fd;
	return ntohs(name.sin_port);
}

static bool is_used(enum hostports_depth depth, enum natgw_proto proto, uint16_t port)
{
	struct natgw_port_bits set = { 0 };
	struct hostports ports;

	assert_int_equal(hostports_read(depth, &ports), 0);
	assert_true(ports.range_first > 0 && ports.range_first <= ports.range_last);
	hostports_add_sockets(&ports, inet_addr("127.0.0.1"), proto, &set);
	hostports_free(&ports);
	return has(&set, port);
}

static void test_listeners(void **state)
{
	int tcp;
	int udp;
	uint16_t tcp_port = open_socket(SOCK_STREAM, "0.0.0.0", &tcp);
	uint16_t udp_port = open_socket(SOCK_DGRAM, "127.0.0.1", &udp);

	(void)state;
	assert_true(is_used(HOSTPORTS_BOUND, NATGW_PROTO_TCP, tcp_port));
	assert_true(is_used(HOSTPORTS_BOUND, NATGW_PROTO_UDP, udp_port));
	close(tcp);
	close(udp);
	assert_false(is_used(HOSTPORTS_BOUND, NATGW_PROTO_TCP, tcp_port));
	assert_false(is_used(HOSTPORTS_BOUND, NATGW_PROTO_UDP, udp_port));
}

/* A connection that outlives its listener. */
static void test_connections(void **state)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	int listener;
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int server;

	(void)state;
	name.sin_port = htons(open_socket(SOCK_STREAM, "127.0.0.1", &listener));
	name.sin_addr.s_addr = inet_addr("127.0.0.1");
	assert_int_equal(connect(client, (const struct sockaddr *)&name, sizeof(name)), 0);
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(server >= 0);
	close(listener);
	assert_false(is_used(HOSTPORTS_BOUND, NATGW_PROTO_TCP, ntohs(name.sin_port)));
	assert_true(is_used(HOSTPORTS_ALL, NATGW_PROTO_TCP, ntohs(name.sin_port)));
	close(client);
	close(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_listeners),
		cmocka_unit_test(test_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
